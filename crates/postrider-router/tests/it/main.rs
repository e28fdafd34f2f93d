//! The router and the retained store against naive models.

mod memory;
mod retained;
mod router;
