//! What the files say, field by field, with places. Nothing is resolved here: names are as written.

pub mod command;
pub mod compose;
pub mod dependency;
pub mod glob;
pub mod hook;
pub mod include;
pub mod loops;
pub mod output;
pub mod param;
pub mod platform;
pub mod policy;
pub mod precondition;
pub mod requires;
pub mod superset;
pub mod task;
pub mod taskfile;
pub mod text;
pub mod variable;

pub use command::{Command, CommandAction};
pub use compose::ComposeStep;
pub use dependency::Dependency;
pub use glob::Glob;
pub use hook::{Hook, HookAction, Moment};
pub use include::Include;
pub use loops::{Loop, LoopSource, MatrixRow, MatrixValues};
pub use output::{Output, OutputGroup};
pub use param::{Param, ParamKind, Query};
pub use platform::Platform;
pub use policy::{Lock, Log, Retry};
pub use precondition::Precondition;
pub use requires::{Enum, EnumValues, RequiredVariable};
pub use superset::Superset;
pub use task::Task;
pub use taskfile::{Extension, Taskfile};
pub use text::Text;
pub use variable::{Variable, VariableValue};
