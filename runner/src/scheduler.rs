//! Who may run when: slots, cancellation, and tasks that run only once.

use std::cell::{OnceCell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use tokio::sync::{Notify, Semaphore};

use crate::error::{Cause, RunError};
use crate::recorder::Recorder;
use crate::signal::Stop;

/// At most so many tasks run at once; a task that waits for others gives its slot away.
#[derive(Debug)]
pub struct Slots(Option<Semaphore>);

impl Slots {
    /// So many slots, or no limit.
    pub fn new(limit: Option<usize>) -> Self {
        Self(limit.filter(|limit| *limit > 0).map(|limit| Semaphore::new(limit.min(Semaphore::MAX_PERMITS))))
    }

    /// Waits for a slot.
    pub async fn acquire(&self) {
        if let Some(semaphore) = &self.0 {
            // The semaphore is never closed, so that this cannot fail.
            if let Ok(permit) = semaphore.acquire().await {
                permit.forget();
            }
        }
    }

    /// Gives the slot back.
    pub fn release(&self) {
        if let Some(semaphore) = &self.0 {
            semaphore.add_permits(1);
        }
    }

    /// Does without a slot while `work` runs.
    pub async fn without<T>(&self, work: impl Future<Output = T>) -> T {
        self.release();
        let result = work.await;
        self.acquire().await;
        result
    }
}

/// What a piece of work is part of, and whether it is to stop.
#[derive(Clone, Debug)]
pub struct Context(Rc<ContextState>);

#[derive(Debug)]
struct ContextState {
    stop: Stop,
    /// Why this very context ended, not one around it.
    cause: OnceCell<RunError>,
    parent: Option<Context>,
    marks: Option<Rc<Mark>>,
}

/// What holds for all work in a context.
#[derive(Debug)]
struct Mark {
    kind: MarkKind,
    outer: Option<Rc<Mark>>,
}

#[derive(Debug)]
enum MarkKind {
    /// Somebody listens to what commands print.
    Recorder(Rc<dyn Recorder>),
    /// The lock of a task is held.
    Lock(SmolStr),
}

impl Context {
    /// The context of a whole run.
    pub fn root(stop: Stop) -> Self {
        Self(Rc::new(ContextState { stop, cause: OnceCell::new(), parent: None, marks: None }))
    }

    /// A context inside this one.
    #[must_use]
    pub fn child(&self) -> Self {
        Self::with(self.0.stop.child(), Some(self.clone()), self.0.marks.clone())
    }

    /// The same context, in which somebody listens to what commands print.
    #[must_use]
    pub fn recorded(&self, recorder: Rc<dyn Recorder>) -> Self {
        self.marked(MarkKind::Recorder(recorder))
    }

    /// The same context, in which the lock of a task is held.
    #[must_use]
    pub fn holding(&self, task: SmolStr) -> Self {
        self.marked(MarkKind::Lock(task))
    }

    /// A context in which the same is recorded and held, but that ends with nothing.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self::with(Stop::new(), None, self.0.marks.clone())
    }

    /// The same context without who began to listen last.
    #[must_use]
    pub fn without_last_recorder(&self) -> Self {
        let marks = match self.0.marks.as_deref() {
            Some(Mark { kind: MarkKind::Recorder(_), outer }) => outer.clone(),
            _ => self.0.marks.clone(),
        };
        Self::with(self.0.stop.clone(), Some(self.clone()), marks)
    }

    fn marked(&self, kind: MarkKind) -> Self {
        let mark = Mark { kind, outer: self.0.marks.clone() };
        Self::with(self.0.stop.clone(), Some(self.clone()), Some(Rc::new(mark)))
    }

    fn with(stop: Stop, parent: Option<Self>, marks: Option<Rc<Mark>>) -> Self {
        Self(Rc::new(ContextState { stop, cause: OnceCell::new(), parent, marks }))
    }

    fn marks(&self) -> impl Iterator<Item = &MarkKind> {
        std::iter::successors(self.0.marks.as_deref(), |mark| mark.outer.as_deref()).map(|mark| &mark.kind)
    }

    /// Who listens to what commands print.
    pub fn recorders(&self) -> impl Iterator<Item = &Rc<dyn Recorder>> {
        self.marks().filter_map(|mark| match mark {
            MarkKind::Recorder(recorder) => Some(recorder),
            MarkKind::Lock(_) => None,
        })
    }

    /// Whether the lock of a task is held by what this is part of.
    pub fn holds(&self, task: &str) -> bool {
        self.marks().any(|mark| matches!(mark, MarkKind::Lock(held) if held == task))
    }

    /// Ends the context; the first cause counts, and none where it has already ended.
    pub fn cancel(&self, cause: RunError) {
        if !self.is_cancelled() {
            let _ = self.0.cause.set(cause);
            self.0.stop.cancel();
        }
    }

    /// Whether work in it is to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.stop.is_stopped()
    }

    /// The request to stop that commands of the context obey.
    pub fn stop(&self) -> &Stop {
        &self.0.stop
    }

    /// Why it ended.
    pub fn cause(&self) -> RunError {
        let mut context = Some(self);
        while let Some(Self(state)) = context {
            if let Some(cause) = state.cause.get() {
                return cause.clone();
            }
            context = state.parent.as_ref();
        }
        RunError::new(Cause::Cancelled)
    }

    /// The error of work that was stopped with the context.
    pub fn interruption(&self) -> RunError {
        RunError::new(match self.cause().cause() {
            Cause::Timeout { .. } | Cause::TaskTimeout { .. } => Cause::DeadlineExceeded,
            _ => Cause::Cancelled,
        })
    }

    /// Does work within a time limit: `work` gets a context that ends when the time is up, and after that its error
    /// is the timeout.
    pub async fn limited<F>(
        &self,
        limit: Option<(SmolStr, Duration)>,
        work: impl FnOnce(Self) -> F,
    ) -> Result<(), RunError>
    where
        F: Future<Output = Result<(), RunError>>,
    {
        let limit = limit.map(|(task, limit)| (limit, Cause::Timeout { task, limit }));
        self.within(limit, work).await
    }

    /// As [`Self::limited`], with the cause that a timeout is.
    pub async fn within<F>(
        &self,
        limit: Option<(Duration, Cause)>,
        work: impl FnOnce(Self) -> F,
    ) -> Result<(), RunError>
    where
        F: Future<Output = Result<(), RunError>>,
    {
        let Some((limit, timeout)) = limit else { return work(self.clone()).await };
        let context = self.child();
        let mut work = pin!(work(context.clone()));
        let result = tokio::select! {
            biased;
            result = &mut work => result,
            () = tokio::time::sleep(limit) => {
                context.cancel(RunError::new(timeout));
                work.await
            }
        };
        match context.0.cause.get() {
            Some(timeout) if result.is_err() => Err(timeout.clone()),
            _ => result,
        }
    }
}

/// The executions of tasks that run once, or once for each form that they take.
#[derive(Debug, Default)]
pub struct Executions(RefCell<FxHashMap<String, Rc<Execution>>>);

/// One execution, which several callers may share.
#[derive(Debug, Default)]
pub struct Execution {
    result: RefCell<Option<Result<(), RunError>>>,
    done: Notify,
}

/// What a caller has to do for an execution.
#[derive(Debug)]
pub enum Role {
    /// Run it, and then tell the others.
    Run(Rc<Execution>),
    /// Wait for it.
    Join(Rc<Execution>),
}

impl Executions {
    /// Joins the execution of this key, or begins it.
    pub fn enter(&self, key: &str) -> Role {
        let mut executions = self.0.borrow_mut();
        if let Some(execution) = executions.get(key) {
            return Role::Join(Rc::clone(execution));
        }
        let execution = Rc::new(Execution::default());
        executions.insert(key.to_owned(), Rc::clone(&execution));
        Role::Run(execution)
    }

    /// Forgets all executions, so that tasks run again.
    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}

impl Execution {
    /// Tells the result to those who wait.
    pub fn finish(&self, result: Result<(), RunError>) {
        *self.result.borrow_mut() = Some(result);
        self.done.notify_waiters();
    }

    /// The result, once there is one. A finished execution wins over a context that ended.
    pub async fn join(&self, context: &Context) -> Result<(), RunError> {
        loop {
            let done = self.done.notified();
            if let Some(result) = self.result.borrow().as_ref() {
                return result.clone();
            }
            tokio::select! {
                () = done => {}
                () = context.stop().stopped() => return Err(context.cause()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
    }

    #[test]
    fn the_cause_is_that_of_the_context_that_ended_first() {
        let root = Context::root(Stop::new());
        let (outer, other) = (root.child(), root.child());
        let inner = outer.child();
        outer.cancel(RunError::other("outer"));
        inner.cancel(RunError::other("inner"));
        assert_eq!(inner.cause().to_string(), "outer");
        assert!(!other.is_cancelled());
        root.stop().cancel();
        assert_eq!(other.cause().to_string(), "context canceled");
    }

    #[test]
    fn work_that_takes_too_long_ends_with_the_timeout() {
        block_on(async {
            let root = Context::root(Stop::new());
            let limit = Some(("t".into(), Duration::from_millis(1)));
            let stopped = root.limited(limit, |context| async move {
                context.stop().stopped().await;
                Err(RunError::other("killed"))
            });
            assert_eq!(stopped.await.unwrap_err().to_string(), "task: [t] command timeout exceeded (1ms)");
            assert!(!root.is_cancelled());
        });
    }

    #[test]
    fn an_execution_is_shared() {
        block_on(async {
            let executions = Executions::default();
            let context = Context::root(Stop::new());
            let Role::Run(execution) = executions.enter("k") else { panic!("first") };
            let Role::Join(same) = executions.enter("k") else { panic!("second") };
            let (joined, ()) =
                tokio::join!(same.join(&context), async { execution.finish(Err(RunError::other("x"))) });
            assert_eq!(joined.unwrap_err().to_string(), "x");
        });
    }
}
