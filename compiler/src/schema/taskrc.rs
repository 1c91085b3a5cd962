//! `.taskrc.yml`.

use super::{
    BOOL, DURATION, Field, KeyMeaning, Map, Object, Origin, Page, PathKind, Scalar, Shape, schema_key,
};

const FILE: Shape = Shape::Scalar(Scalar::Path(PathKind::File));
const DIRECTORY: Shape = Shape::Scalar(Scalar::Path(PathKind::Directory));
/// The largest number of tasks at once that a configuration can ask for.
const MAX_CONCURRENCY: i64 = i32::MAX as i64;

static EXPERIMENTS: Map = Map {
    keys: KeyMeaning::ExperimentName,
    values: Shape::Scalar(Scalar::Integer { min: 0, max: i32::MAX as i64 }),
};

const fn key(key: &'static str, shape: Shape, about: &'static str, page: &'static str) -> Field {
    Field::go_task(key, shape, about, page)
}

/// The configuration of go-task in a project or the home directory.
pub static TASKRC: Object = Object::new(
    "a .taskrc.yml",
    "Settings of go-task for a project or a user; flags and the environment win over them.",
    Page::GoTask("config"),
    &[
        key(
            "concurrency",
            Shape::Scalar(Scalar::Integer { min: 0, max: MAX_CONCURRENCY }),
            "How many tasks may run at once; `0` sets no limit.",
            "config#concurrency",
        )
        .example("concurrency: 4"),
        key("silent", BOOL, "Commands are not echoed before they run.", "config#silent")
            .example("silent: true")
            .default("false"),
        key("verbose", BOOL, "What go-task does is told in detail.", "config#verbose")
            .example("verbose: true")
            .default("false"),
        key("failfast", BOOL, "The first dependency that fails ends the others.", "config#failfast")
            .example("failfast: true")
            .default("false"),
        key(
            "interactive",
            BOOL,
            "Required variables without a value are asked for, on a terminal.",
            "config#interactive",
        )
        .example("interactive: true")
        .default("false"),
        key("color", BOOL, "Messages are coloured.", "config#color").example("color: false").default("true"),
        key("disable-fuzzy", BOOL, "A mistyped name of a task gets no suggestion.", "config#disable-fuzzy")
            .example("disable-fuzzy: true")
            .default("false"),
        key(
            "temp-dir",
            DIRECTORY,
            "Where checksums and the like are kept, relative to the root Taskfile.",
            "config#temp-dir",
        )
        .example("temp-dir: .task")
        .default(".task"),
        key(
            "remote",
            Shape::Object(&REMOTE),
            "Settings for Taskfiles that are fetched over the network.",
            "config#remote",
        )
        .example("remote: {offline: true}"),
        key(
            "experiments",
            Shape::Map(&EXPERIMENTS),
            "Features of go-task that are not finished, by name.",
            "config#experiments",
        )
        .example("experiments: {GENTLE_FORCE: 1}"),
        key("version", Shape::Scalar(Scalar::Semver), "The version of the format.", "config")
            .example("version: '3'"),
        schema_key(Page::GoTask("config"), Origin::GoTask(None)),
    ],
)
.with_notes();

static REMOTE: Object = Object::new(
    "`remote`",
    "Settings for Taskfiles that are fetched over the network.",
    Page::GoTask("config#remote"),
    &[
        key("insecure", BOOL, "Files may be fetched without encryption.", "config#remote-insecure")
            .example("insecure: true")
            .default("false"),
        key("offline", BOOL, "Only files that were fetched before are used.", "config#remote-offline")
            .example("offline: true")
            .default("false"),
        key("timeout", DURATION, "How long fetching a file may take.", "config#remote-timeout")
            .example("timeout: 30s")
            .default("10s"),
        key(
            "cache-expiry",
            DURATION,
            "How long a fetched file is used before it is fetched again.",
            "config#remote-cache-expiry",
        )
        .example("cache-expiry: 24h")
        .default("0s"),
        key(
            "cache-dir",
            DIRECTORY,
            "Where fetched files are kept, relative to the Taskfile.",
            "config#remote-cache-dir",
        )
        .example("cache-dir: ~/.task")
        .default(".task"),
        key(
            "trusted-hosts",
            Shape::List(&Shape::Scalar(Scalar::Host)),
            "Hosts whose files are used without asking.",
            "config#remote-trusted-hosts",
        )
        .example("trusted-hosts: [github.com, 'example.com:8080']"),
        key(
            "cacert",
            FILE,
            "A certificate authority's certificate by which hosts are checked.",
            "config#remote-cacert",
        )
        .example("cacert: /etc/ssl/company.crt"),
        key("cert", FILE, "The certificate that is shown to hosts.", "config#remote-cert")
            .example("cert: client.crt\ncert-key: client.key"),
        key("cert-key", FILE, "The private key of `cert`.", "config#remote-cert-key")
            .example("cert: client.crt\ncert-key: client.key"),
    ],
)
.with_notes();
