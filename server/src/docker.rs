//! The server in a container.

/// The file for `docker compose`: one server, its database in a volume.
pub const COMPOSE_FILE: &str = include_str!("../docker-compose.yml");
