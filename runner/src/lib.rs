//! EZ's runner.
