//! `.env` files by godotenv's rules, with spans.
