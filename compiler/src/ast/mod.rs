//! What the files say, field by field, with places. Nothing is resolved here: names are as written.

pub mod command;
pub mod dependency;
pub mod glob;
pub mod include;
pub mod loops;
pub mod output;
pub mod platform;
pub mod precondition;
pub mod requires;
pub mod task;
pub mod taskfile;
pub mod text;
pub mod variable;

pub use command::{Command, CommandAction};
pub use dependency::Dependency;
pub use glob::Glob;
pub use include::Include;
pub use loops::{Loop, LoopSource, MatrixRow, MatrixValues};
pub use output::{Output, OutputGroup};
pub use platform::Platform;
pub use precondition::Precondition;
pub use requires::{Enum, EnumValues, RequiredVariable};
pub use task::Task;
pub use taskfile::{Extension, Taskfile};
pub use text::Text;
pub use variable::{Variable, VariableValue};
