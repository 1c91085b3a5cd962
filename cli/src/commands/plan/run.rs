//! `ez plan run`: runs a plan, or goes on with a run.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ez_compiler::ast::ParamKind;
use ez_compiler::ast::param::variable_name;
use ez_compiler::ir::{NodeId, Plan};
use ez_compiler::plan::PlanValues;
use ez_runner::engine::{Ask, Confirmation};
use ez_runner::error::{EXIT_TASK_RUN, MissingParam};
use ez_runner::plan::events::PlanEvents;
use ez_runner::plan::executor::{Approval, Approver, Clock, Local, SystemClock};
use ez_runner::plan::journal::{Begin, Finished, Journal, JournalError, Record, VERSION};
use ez_runner::plan::report::{PlanSink, PlanSinks};
use ez_runner::plan::run::{self, Ended, Placed, Settings, State, Surroundings};
use ez_runner::plan::schedule::{End, Schedule};
use ez_runner::plan::state::{RunDirectory, RunSummary, latest, runs};
use ez_runner::plan::store::hash_text;
use ez_runner::plan::summary;
use ez_runner::plan::values::{Commands, ValueError};
use ez_runner::process::Environment;
use ez_runner::runtime_data;
use ez_runner::signal::{Signals, Stop};
use ez_runner::task_lock::host_name;
use ez_runner::task_log::{self, LogHeader};
use ez_runner::template_host::TemplateHost;
use smol_str::{SmolStr, ToSmolStr, format_smolstr};

use super::executor::LocalExecutor;
use super::live::{Live, Measure, time};
use super::{Opened, open};
use crate::args::invocation::{Options, Personality};
use crate::args::plan::PlanRun;
use crate::ask::User;
use crate::commands::run::{runtime, terminal_size};
use crate::commands::{Context, Outcome};
use crate::disk::plain_message;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::guard;
use crate::logger::Color;
use crate::remote_task::TOKENS;
use crate::table;

/// How often live lines go on by themselves.
const TICK: Duration = Duration::from_millis(100);
/// Most steps for which the table at the end is written; the report has them all.
const MAX_TABLE: usize = 60;
/// What a missing value ends with.
const MISSING: Code = Code(206);
/// What a wrong value ends with.
const INVALID: Code = Code(207);

/// Runs a plan.
pub fn run(context: &Context, options: &Options, request: &PlanRun) -> Outcome {
    let opened = open(context, options, &request.plan)?;
    let options = Options {
        assume_yes: options.assume_yes || request.yes,
        server: request.server.clone().or_else(|| options.server.clone()),
        ..options.clone()
    };
    let session = Session::new(context, &options, request, &opened)?;
    if request.dry_run {
        session.show_order();
        return Ok(());
    }
    guard::start(context, "steps");
    let runtime = runtime()?;
    if request.times > 1 || request.shuffle_all {
        return runtime.block_on(session.shuffled());
    }
    let (ended, directory) = runtime.block_on(session.once(session.seed(0)))?;
    session.write_reports(&ended, &directory)?;
    if request.events.is_none() {
        session.tell_end(&ended, &directory);
    }
    exit(&ended)
}

fn exit(ended: &Ended) -> Outcome {
    if ended.exit == 0 { Ok(()) } else { Err(Failure::silent(Code(ended.exit))) }
}

/// One who is told events.
type Listener<'p> = PlanEvents<'p, Box<dyn io::Write>>;

/// What a run is asked for.
struct Session<'a> {
    context: &'a Context,
    options: &'a Options,
    request: &'a PlanRun,
    opened: &'a Opened,
    given: BTreeMap<SmolStr, SmolStr>,
    selected: Option<Vec<bool>>,
}

impl<'a> Session<'a> {
    fn new(
        context: &'a Context,
        options: &'a Options,
        request: &'a PlanRun,
        opened: &'a Opened,
    ) -> Result<Self, Failure> {
        let mut given = BTreeMap::new();
        for argument in &request.variables {
            let Some((name, value)) = argument.split_once('=') else {
                let message = format!("ez: \"{argument}\" is no variable; write NAME=value");
                return Err(Failure::new(Code::USAGE, message));
            };
            let variable = variable_of(&opened.plan, name);
            if !takes(&opened.plan, &variable) {
                return Err(unknown_variable(&opened.plan, name));
            }
            given.insert(variable, value.into());
        }
        let mut session = Self { context, options, request, opened, given, selected: None };
        session.selected = session.select()?;
        Ok(session)
    }

    fn plan(&self) -> &'a Plan {
        &self.opened.plan
    }

    fn root(&self) -> &Path {
        self.opened.project.compilation.program.dir.as_std_path()
    }

    /// The nodes that a step's or combination's name means.
    fn named(&self, name: &str) -> Result<Vec<NodeId>, Failure> {
        let plan = self.plan();
        if let Some(step) = plan.steps.iter().find(|step| step.name.value == name) {
            return Ok(step.nodes.clone().map(NodeId).collect());
        }
        if let Some(node) = plan.find(name) {
            return Ok(vec![node]);
        }
        let names = plan.steps.iter().map(|step| step.name.value.as_str());
        let hint =
            ez_compiler::suggest::nearest(name, names).map(|near| format!(" Did you mean \"{near}\"?"));
        let message = format!("ez: the plan has no step \"{name}\".{}", hint.unwrap_or_default());
        Err(Failure::new(Code::USAGE, message))
    }

    /// The nodes that `--only`, `--from` and `--until` leave; `None` where all are.
    fn select(&self) -> Result<Option<Vec<bool>>, Failure> {
        let PlanRun { only, from, until, .. } = self.request;
        if only.is_empty() && from.is_empty() && until.is_empty() {
            return Ok(None);
        }
        let plan = self.plan();
        let mut selected = vec![true; plan.nodes.len()];
        let mut keep = |wanted: Vec<bool>| {
            selected.iter_mut().zip(wanted).for_each(|(selected, wanted)| *selected &= wanted);
        };
        if !only.is_empty() {
            keep(self.reached(only, |_| &[])?);
        }
        if !from.is_empty() {
            keep(self.reached(from, |node| plan.dependents.of(node))?);
        }
        if !until.is_empty() {
            keep(self.reached(until, |node| plan.needs.of(node))?);
        }
        Ok(Some(selected))
    }

    /// The named nodes and all that are reached from them.
    fn reached<'n>(
        &self,
        names: &[String],
        next: impl Fn(NodeId) -> &'n [NodeId],
    ) -> Result<Vec<bool>, Failure> {
        let mut reached = vec![false; self.plan().nodes.len()];
        for name in names {
            let mut open = self.named(name)?;
            while let Some(node) = open.pop() {
                let Some(place) = reached.get_mut(node.0 as usize).filter(|place| !**place) else { continue };
                *place = true;
                open.extend_from_slice(next(node));
            }
        }
        Ok(reached)
    }

    fn is_selected(&self, node: NodeId) -> bool {
        self.selected.as_ref().is_none_or(|selected| selected.get(node.0 as usize).copied().unwrap_or(false))
    }

    /// The seed of a round: the one that was given, and those after it.
    fn seed(&self, round: u64) -> u64 {
        let first = self.request.seed.unwrap_or_else(|| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            now.as_nanos() as u64 & 0xFFFF_FFFF
        });
        first.wrapping_add(round)
    }

    /// For each node when its turn comes among those that are ready, the lowest first.
    fn ranks(&self, seed: u64, base: Option<&RunSummary>) -> Vec<u64> {
        let plan = self.plan();
        if plan.is_shuffled() || self.request.shuffle_all {
            let order =
                if self.request.shuffle_all { plan.random_order(seed) } else { plan.start_order(seed) };
            let mut ranks = vec![0; plan.nodes.len()];
            for (rank, node) in order.into_iter().enumerate() {
                if let Some(place) = ranks.get_mut(node.0 as usize) {
                    *place = rank as u64;
                }
            }
            return ranks;
        }
        // What took long before is on the longest way now; without a run before, all take the same.
        let took = |node: NodeId| {
            let slug = &plan.node(node).slug;
            let known = base.and_then(|base| base.nodes.iter().find(|known| known.node == *slug));
            known
                .filter(|known| known.attempts > 0)
                .map_or(Duration::from_secs(1), |known| Duration::from_secs_f64(known.seconds.max(0.001)))
        };
        let durations: Vec<Duration> = plan.ids().map(took).collect();
        let remaining = plan.remaining(&durations);
        remaining.iter().map(|left| u64::MAX - left.as_micros() as u64).collect()
    }

    fn show_order(&self) {
        let plan = self.plan();
        let ranks = self.ranks(self.seed(0), None);
        let mut order: Vec<NodeId> = plan.ids().filter(|node| self.is_selected(*node)).collect();
        order.sort_by_key(|node| (plan.levels.get(node.0 as usize), ranks.get(node.0 as usize), node.0));
        let mut rows = String::new();
        for node in order {
            let known = plan.node(node);
            let level = plan.levels.get(node.0 as usize).copied().unwrap_or_default();
            let needs: Vec<&str> =
                plan.needs.of(node).iter().map(|need| plan.node(*need).name.as_str()).collect();
            let needs = if needs.len() > 4 { format!("{} steps", needs.len()) } else { needs.join(", ") };
            let _ = writeln!(rows, "{level}\t{}\t{}\t{needs}", known.name, known.task);
        }
        let rows = format!("level\tstep\ttask\tafter\n{rows}");
        self.context.logger.out(Color::None, &table::align(&rows, 2));
    }

    /// What is given for a variable: on the command line, else, for params, in the environment.
    fn value(&self, name: &str) -> Option<SmolStr> {
        let typed = self.given.get(name).cloned();
        let of_environment = || name.starts_with("EZ_").then(|| self.context.environment.get(name)).flatten();
        typed.or_else(|| of_environment().map(SmolStr::new)).filter(|value| !value.is_empty())
    }

    /// The names of values that are never written down.
    fn secret_names(&self) -> Vec<SmolStr> {
        let plan = self.plan();
        let params = plan.params.iter().filter(|param| param.kind.value == ParamKind::Secret);
        let vars =
            plan.vars.iter().filter(|variable| variable.secret).map(|variable| variable.name.value.clone());
        params.map(|param| variable_name(&param.name.value)).chain(vars).collect()
    }

    async fn shuffled(&self) -> Outcome {
        let times = self.request.times.max(1);
        for round in 0..times {
            let seed = self.seed(round);
            let (ended, directory) = self.once(seed).await?;
            if ended.exit != 0 {
                self.write_reports(&ended, &directory)?;
                self.tell_end(&ended, &directory);
                if ended.exit == EXIT_TASK_RUN {
                    let order = started_order(self.plan(), &ended).join(", ");
                    let words = format!(
                        "ez: round {} of {times} failed; --seed {seed} repeats it\nez: order: {order}\n",
                        round + 1
                    );
                    self.context.logger.err(Color::Red, &words);
                }
                return exit(&ended);
            }
            self.context
                .logger
                .err(Color::Green, &format!("ez: round {} of {times}: seed {seed} is fine\n", round + 1));
        }
        Ok(())
    }

    /// One run, or the rest of one.
    async fn once(&self, seed: u64) -> Result<(Ended, RunDirectory), Failure> {
        let plan = self.plan();
        let clock = SystemClock;
        let environment = Arc::clone(&self.opened.project.environment);
        let commands = Commands::new(Arc::clone(&environment), self.root().to_string_lossy());
        let host = TemplateHost::new(&environment);
        // All runs are looked through only where one of them is meant.
        let earlier = match self.request.resume {
            Some(_) => runs(self.root(), &plan.name),
            None => latest(self.root(), &plan.name).into_iter().collect(),
        };
        let (state, begin, values) = match &self.request.resume {
            Some(run) => self.resume(run, &earlier, &commands, &host, &clock).await?,
            None => self.begin(seed, &earlier, &commands, &host, &clock).await?,
        };
        let base = earlier.first();
        let schedule = Schedule::new(plan, self.ranks(begin.seed, base), |node| is_in(&begin, plan, node));
        if plan.is_shuffled() || self.request.shuffle_all {
            self.context.logger.err(Color::Default, &format!("ez: seed {}\n", begin.seed));
        }
        let listeners = self.listeners(&state)?;
        let stop = Stop::new();
        let live = Live::new(plan, &self.context.logger, self.live_size());
        let executor = LocalExecutor {
            context: self.context,
            options: self.options,
            project: &self.opened.project,
            plan,
            directory: state.directory.clone(),
            client: OnceCell::new(),
        };
        let approver = AtTerminal { context: self.context };
        let mut sinks = PlanSinks(Vec::new());
        if self.request.events.is_none() {
            sinks.0.push(&live);
        }
        sinks.0.extend(listeners.iter().map(|listener| listener as &dyn PlanSink));
        let around = Surroundings {
            executor: &executor,
            clock: &clock,
            approver: &approver,
            sink: &sinks,
            host: &host,
            commands: &commands,
            stop: stop.clone(),
        };
        let settings = Settings {
            jobs: self.request.jobs.unwrap_or_else(default_jobs),
            fail_fast: self.request.fail_fast,
            assume_yes: self.options.assume_yes,
            secrets: self.secrets(&values),
            log_header: self.log_header(&environment),
        };
        let directory = state.directory.clone();
        let broken = |error: run::RunPlanError| Failure::new(Code::OTHER, format!("ez: {error}"));
        listeners.iter().for_each(PlanEvents::begin);
        let work = run::run(plan, &values, &settings, &around, state, schedule);
        let ended = self.minding_signals(work, &stop, &live).await.map_err(broken)?;
        live.clear();
        for listener in &listeners {
            listener.end(ended.exit, ended.duration);
        }
        self.opened.project.hide_runtime_data();
        Ok((ended, directory))
    }

    /// Works, and takes signals: the first asks to stop, the second kills.
    async fn minding_signals<T>(&self, work: impl Future<Output = T>, stop: &Stop, live: &Live<'_>) -> T {
        let Ok(mut signals) = Signals::listen() else { return work.await };
        let mut work = std::pin::pin!(work);
        let mut ticks = tokio::time::interval(TICK);
        let mut count = 0;
        loop {
            tokio::select! {
                biased;
                signal = signals.next() => {
                    count += 1;
                    if count == 1 { stop.stop(signal) } else { stop.kill() }
                }
                done = &mut work => return done,
                _ = ticks.tick() => live.tick(),
            }
        }
    }

    /// Who is told events: standard output, and a file that grows.
    fn listeners(&self, state: &State) -> Result<Vec<Listener<'a>>, Failure> {
        let mut outs: Vec<Box<dyn io::Write>> = Vec::new();
        if self.request.events.is_some() {
            outs.push(Box::new(io::stdout()));
        }
        if let Some(path) = &self.request.events_file {
            let path = self.context.environment.absolute(path.as_str());
            let opened = std::fs::OpenOptions::new().create(true).append(true).open(&path);
            outs.push(Box::new(opened.map_err(|error| {
                let what = plain_message(&error);
                Failure::new(Code::OTHER, format!("ez: cannot write events to {path}: {what}"))
            })?));
        }
        let (plan, run, limit) = (self.plan(), &state.directory.run, self.request.events_limit);
        let listener = |out| PlanEvents::new(plan, run.clone(), state.attempt, limit, out);
        Ok(outs.into_iter().map(listener).collect())
    }

    fn live_size(&self) -> Option<Measure> {
        let is_dumb = self.context.environment.get("TERM") == Some("dumb");
        (io::stderr().is_terminal() && !is_dumb).then_some(terminal_size as Measure)
    }

    /// What logs say of the machine, the user and the command line, secrets left out.
    fn log_header(&self, environment: &Environment) -> LogHeader {
        let secrets = self.secret_names();
        let is_secret = |name: &str| secrets.contains(&variable_of(self.plan(), name));
        let words = std::env::args().map(|word| task_log::masked_argument(&word, is_secret).to_string());
        LogHeader {
            host: host_name().to_string(),
            user: task_log::user(environment),
            command: words.collect::<Vec<_>>().join(" "),
            ..LogHeader::default()
        }
    }

    fn secrets(&self, values: &PlanValues) -> Vec<SmolStr> {
        let names = self.secret_names();
        let of = |name: &SmolStr| values.params.get(name).or_else(|| values.vars.get(name));
        let own = names.iter().filter_map(of).map(ez_compiler::template::Value::to_text);
        let tokens = TOKENS.iter().filter_map(|name| self.context.environment.get(name)).map(SmolStr::from);
        own.chain(tokens).filter(|text| !text.is_empty()).collect()
    }

    async fn values(
        &self,
        commands: &Commands,
        host: &TemplateHost,
        given: &dyn Fn(&str) -> Option<SmolStr>,
    ) -> Result<PlanValues, Failure> {
        let values = commands.plan_values(self.plan(), given, host).await;
        values.map_err(|error| match error {
            ValueError::Missing(params) => Failure::new(MISSING, missing(&self.plan().name, &params)),
            ValueError::Invalid(problems) => {
                let lines: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
                let name = &self.plan().name;
                let message =
                    format!("ez: the plan \"{name}\" does not take what it was given:\n{}", lines.join("\n"));
                Failure::new(INVALID, message)
            }
            error => Failure::new(Code::OTHER, format!("ez: {error}")),
        })
    }

    /// A new run.
    async fn begin(
        &self,
        seed: u64,
        earlier: &[RunSummary],
        commands: &Commands,
        host: &TemplateHost,
        clock: &dyn Clock,
    ) -> Result<(State, Begin, PlanValues), Failure> {
        let plan = self.plan();
        let values = self.values(commands, host, &|name| self.value(name)).await?;
        let failed = |error: io::Error| {
            Failure::new(Code::OTHER, format!("ez: cannot begin a run: {}", plain_message(&error)))
        };
        let directory = RunDirectory::create(self.root(), &plan.name, &clock.date()).map_err(failed)?;
        let base = if self.selected.is_some() { earlier.first() } else { None };
        let secrets = self.secret_names();
        let names = values.params.keys().chain(self.given.keys());
        let known: BTreeMap<SmolStr, SmolStr> =
            names.filter_map(|name| Some((name.clone(), self.value(name)?))).collect();
        let (withheld, given): (BTreeMap<_, _>, BTreeMap<_, _>) =
            known.into_iter().partition(|(name, _)| secrets.contains(name));
        let begin = Begin {
            version: VERSION,
            run: directory.run.clone(),
            plan: plan.name.clone(),
            time: clock.date(),
            seed,
            given,
            withheld: withheld.into_keys().collect(),
            steps: self.definitions(),
            base: base.map(|base| base.begin.run.clone()),
            selected: self.selected.as_ref().map(|_| {
                plan.ids()
                    .filter(|node| self.is_selected(*node))
                    .map(|node| plan.node(node).slug.clone())
                    .collect()
            }),
        };
        let mut journal =
            Journal::create(&directory.path, &begin).map_err(|error| journal_failure(&error))?;
        let mut results = base.map(|base| base.nodes.clone()).unwrap_or_default();
        let is_selected =
            |slug: &SmolStr| begin.selected.as_ref().is_none_or(|selected| selected.contains(slug));
        results
            .retain(|node| matches!(node.end, End::Succeeded | End::NotSelected) && !is_selected(&node.node));
        if let Some(base) = base {
            let base = RunDirectory::of(self.root(), &plan.name, &base.begin.run);
            for node in &mut results {
                directory.adopt(&base, &node.node).map_err(failed)?;
                node.end = End::NotSelected;
            }
        }
        let records: Vec<Record> =
            results.iter().map(|node| Record::Finished(Box::new(node.clone()))).collect();
        journal.append(&records).map_err(|error| journal_failure(&error))?;
        let state = State {
            journal,
            earlier: by_slug(results),
            placed: Placed::read(&runtime_data::plan(self.root(), &plan.name)),
            attempt: 1,
            directory,
        };
        Ok((state, begin, values))
    }

    /// What each step says, so that a change of the plan can be told.
    fn definitions(&self) -> BTreeMap<SmolStr, SmolStr> {
        let plan = self.plan();
        let of = |node: NodeId| {
            let (step, known) = (plan.step_of(node), plan.node(node));
            let text = serde_json::to_string(&(step, known)).unwrap_or_default();
            // Places in the file are no part of what is said.
            let text = without_places(&text);
            (known.slug.clone(), hash_text(&text).chars().take(16).collect::<String>().into())
        };
        plan.ids().map(of).collect()
    }

    /// The rest of a run.
    async fn resume(
        &self,
        wanted: &str,
        earlier: &[RunSummary],
        commands: &Commands,
        host: &TemplateHost,
        clock: &dyn Clock,
    ) -> Result<(State, Begin, PlanValues), Failure> {
        let plan = self.plan();
        let found = if wanted.is_empty() {
            earlier.iter().find(|run| run.exit != Some(0)).or(earlier.first())
        } else {
            earlier.iter().find(|run| run.begin.run == wanted)
        };
        let Some(found) = found else {
            let what = if wanted.is_empty() {
                "there is no run to resume".to_owned()
            } else {
                format!("there is no run \"{wanted}\"")
            };
            let message = format!("ez: {what}; `ez plan runs {}` shows them all", plan.name);
            return Err(Failure::new(Code::OTHER, message));
        };
        let directory = RunDirectory::of(self.root(), &plan.name, &found.begin.run);
        let (mut journal, records) =
            Journal::open(&directory.path).map_err(|error| journal_failure(&error))?;
        let resumed = records.iter().filter(|record| matches!(record, Record::Resumed { .. })).count();
        let Some(summary) = RunSummary::of(records, false) else {
            return Err(Failure::new(Code::OTHER, format!("ez: the run {} has no beginning", directory.run)));
        };
        let begin = summary.begin;
        for name in &begin.withheld {
            if self.value(name).is_none() {
                let message = format!(
                    "ez: the run had a secret value for {name}, which is not kept: give it again, as {name}=… or in the environment"
                );
                return Err(Failure::new(MISSING, message));
            }
        }
        let given = |name: &str| self.value(name).or_else(|| begin.given.get(name).cloned());
        let values = self.values(commands, host, &given).await?;
        self.tell_changes(&begin);
        journal.append(&[Record::Resumed { time: clock.date() }]).map_err(|error| journal_failure(&error))?;
        let done = summary.nodes.iter().filter(|node| node.end == End::Succeeded).count();
        let words =
            format!("ez: resuming {}: {done} of {} steps are done\n", directory.run, plan.nodes.len());
        self.context.logger.err(Color::Default, &words);
        let placed = Placed::read(&runtime_data::plan(self.root(), &plan.name));
        let attempt = u32::try_from(resumed).unwrap_or(u32::MAX).saturating_add(2);
        let state = State { directory, journal, earlier: by_slug(summary.nodes), placed, attempt };
        Ok((state, begin, values))
    }

    /// Says what is another plan now than when the run began.
    fn tell_changes(&self, begin: &Begin) {
        let now = self.definitions();
        let changed =
            now.iter().filter(|(slug, text)| begin.steps.get(*slug).is_some_and(|old| old != *text));
        let added = now.keys().filter(|slug| !begin.steps.contains_key(*slug));
        let removed = begin.steps.keys().filter(|slug| !now.contains_key(*slug));
        let lists = [
            ("changed", changed.map(|(slug, _)| slug.as_str()).collect::<Vec<_>>()),
            ("new", added.map(SmolStr::as_str).collect()),
            ("gone", removed.map(SmolStr::as_str).collect()),
        ];
        if lists.iter().all(|(_, slugs)| slugs.is_empty()) {
            return;
        }
        let logger = &self.context.logger;
        logger.err(Color::Yellow, "ez: the plan is another one than when this run began:\n");
        for (what, slugs) in lists.iter().filter(|(_, slugs)| !slugs.is_empty()) {
            logger.err(Color::Yellow, &format!("ez:   {what}: {}\n", slugs.join(", ")));
        }
        logger.err(Color::Yellow, "ez: steps that depend on what changed run again\n");
    }

    fn write_reports(&self, ended: &Ended, directory: &RunDirectory) -> Outcome {
        let plan = self.plan();
        let write = |path: &String, text: &dyn Fn() -> Result<String, serde_json::Error>| {
            let path = self.context.environment.absolute(path.as_str());
            let text = text().map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))?;
            std::fs::write(&path, text).map_err(|error| {
                Failure::new(Code::OTHER, format!("ez: cannot write {path}: {}", plain_message(&error)))
            })
        };
        if let Some(path) = &self.request.junit {
            write(path, &|| Ok(summary::junit(plan, ended)))?;
        }
        if let Some(path) = &self.request.report {
            write(path, &|| serde_json::to_string_pretty(&summary::summary(plan, &directory.run, ended)))?;
        }
        if let Some(path) = &self.request.timeline {
            write(path, &|| Ok(summary::timeline(plan, &directory.run, ended)))?;
        }
        Ok(())
    }

    /// The table at the end, and the critical path.
    fn tell_end(&self, ended: &Ended, directory: &RunDirectory) {
        let plan = self.plan();
        let logger = &self.context.logger;
        let of = |end: End| ended.nodes.iter().flatten().filter(|node| node.end == end).count();
        let mut parts = Vec::new();
        for (end, color) in [
            (End::Succeeded, Color::Green),
            (End::Skipped, Color::Cyan),
            (End::Tolerated, Color::Yellow),
            (End::Failed, Color::Red),
            (End::Blocked, Color::Red),
            (End::Cancelled, Color::Yellow),
        ] {
            let count = of(end);
            if count > 0 {
                parts.push(logger.paint(color, &format!("{count} {}", end.word())));
            }
        }
        let mut slow: Vec<(NodeId, &Finished)> =
            plan.ids().zip(&ended.nodes).filter_map(|(id, node)| Some((id, node.as_ref()?))).collect();
        slow.retain(|(_, node)| node.attempts > 0);
        if (2..=MAX_TABLE).contains(&slow.len()) {
            logger.err(Color::None, &self.table_of(&slow));
        }
        let line = format!(
            "ez: plan {} run {}: {} in {}\n",
            plan.name,
            directory.run,
            parts.join(", "),
            time(ended.duration)
        );
        logger.err(Color::None, &line);
        let (path, total) = summary::critical_path(plan, ended);
        if slow.len() > 1 && path.len() > 1 {
            let names: Vec<&str> = path.iter().map(|node| plan.node(*node).name.as_str()).collect();
            let names = match names.as_slice() {
                [first, .., last] if names.len() > 8 => {
                    format!("{first} → … {} more … → {last}", names.len() - 2)
                }
                _ => names.join(" → "),
            };
            logger.err(Color::None, &format!("ez: critical path, {}: {names}\n", time(total)));
        }
        if ended.exit != 0 {
            let words =
                format!("ez: `ez plan run {} --resume {}` goes on from here\n", plan.name, directory.run);
            logger.err(Color::None, &words);
        }
    }
}

impl Session<'_> {
    /// What ran: step, how it ended, how long it took, in the order in which it began.
    fn table_of(&self, ran: &[(NodeId, &Finished)]) -> String {
        let mut ran = ran.to_vec();
        ran.sort_by(|a, b| a.1.began.total_cmp(&b.1.began).then(a.0.cmp(&b.0)));
        let mut rows = String::from("step\tstate\tbegan\ttook\tattempts\n");
        for (id, node) in ran {
            let seconds = |seconds: f64| time(Duration::from_secs_f64(seconds.max(0.0)));
            let (name, state) = (&self.plan().node(id).name, node.end.word());
            let (began, took) = (seconds(node.began), seconds(node.seconds));
            let _ = writeln!(rows, "{name}\t{state}\t+{began}\t{took}\t{}", node.attempts);
        }
        format!("\n{}", table::align(&rows, 2))
    }
}

fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn journal_failure(error: &JournalError) -> Failure {
    Failure::new(Code::OTHER, format!("ez: {error}"))
}

fn by_slug(nodes: Vec<Finished>) -> rustc_hash::FxHashMap<SmolStr, Finished> {
    nodes.into_iter().map(|node| (node.node.clone(), node)).collect()
}

fn is_in(begin: &Begin, plan: &Plan, node: NodeId) -> bool {
    begin.selected.as_ref().is_none_or(|selected| selected.contains(&plan.node(node).slug))
}

/// The names of the nodes that ran, in the order in which they began.
fn started_order<'p>(plan: &'p Plan, ended: &Ended) -> Vec<&'p str> {
    let mut ran: Vec<(f64, &str)> = plan
        .ids()
        .zip(&ended.nodes)
        .filter_map(|(id, node)| {
            let node = node.as_ref().filter(|node| node.attempts > 0)?;
            Some((node.began, plan.node(id).name.as_str()))
        })
        .collect();
    ran.sort_by(|a, b| a.0.total_cmp(&b.0));
    ran.into_iter().map(|(_, name)| name).collect()
}

/// The variable that a typed name means: `arch` is `EZ_ARCH` where the plan has a param of that name.
fn variable_of(plan: &Plan, name: &str) -> SmolStr {
    let is_variable = plan.vars.iter().any(|variable| variable.name.value == name);
    let variable = variable_name(name);
    let is_param =
        plan.params.iter().any(|param| param.name.value == name) || plan.implicit_params.contains(&variable);
    if is_param && !is_variable { variable } else { name.to_smolstr() }
}

/// Whether a plan does anything with the value of a variable.
fn takes(plan: &Plan, variable: &str) -> bool {
    plan.vars.iter().any(|known| known.name.value == variable)
        || plan.params.iter().any(|param| variable_name(&param.name.value) == variable)
        || plan.implicit_params.iter().any(|known| known == variable)
}

fn unknown_variable(plan: &Plan, name: &str) -> Failure {
    let params = plan.params.iter().map(|param| variable_name(&param.name.value));
    let vars = plan.vars.iter().map(|variable| variable.name.value.clone());
    let known: Vec<SmolStr> = params.chain(vars).chain(plan.implicit_params.iter().cloned()).collect();
    let takes =
        if known.is_empty() { "it takes none".to_owned() } else { format!("it takes {}", known.join(", ")) };
    Failure::new(Code::USAGE, format!("ez: the plan \"{}\" knows no variable \"{name}\": {takes}", plan.name))
}

/// A JSON text without spans.
fn without_places(json: &str) -> String {
    fn strip(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(fields) => {
                fields.remove("span");
                fields.remove("nodes");
                fields.remove("sources");
                fields.values_mut().for_each(strip);
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    match serde_json::from_str::<serde_json::Value>(json) {
        Ok(mut value) => {
            strip(&mut value);
            value.to_string()
        }
        Err(_) => json.to_owned(),
    }
}

fn missing(plan: &str, params: &[MissingParam]) -> String {
    let mut message = format!("ez: the plan \"{plan}\" needs values that it was not given:");
    for param in params {
        let takes = if param.options.is_empty() { "…".to_owned() } else { param.options.join("|") };
        let _ = write!(message, "\n  {}={takes}", param.variable);
        if let Some(help) = &param.help {
            message.push_str(&format_smolstr!("  {}", help.trim().replace('\n', " ")));
        }
    }
    message
}

/// Asks the user at the terminal.
struct AtTerminal<'a> {
    context: &'a Context,
}

impl Approver for AtTerminal<'_> {
    fn ask(&self, question: &str) -> Local<'_, Approval> {
        let user = User::new(Personality::Ez, self.context.logger.clone());
        let question = question.to_owned();
        Box::pin(async move {
            let (reply, answer) = tokio::sync::oneshot::channel();
            // The event loop goes on while the user thinks.
            let ask = move || drop(reply.send(user.confirm(&question)));
            if std::thread::Builder::new().name("ez-ask".to_owned()).spawn(ask).is_err() {
                return Approval::NobodyThere;
            }
            match answer.await {
                Ok(Confirmation::Yes) => Approval::Granted,
                Ok(Confirmation::NoTerminal | Confirmation::Failed(_)) | Err(_) => Approval::NobodyThere,
                Ok(Confirmation::No | Confirmation::Cancelled) => Approval::Refused,
            }
        })
    }
}
