//! Pays invoices on behalf of its callers, each exactly once, and keeps the books.

pub mod database;
pub mod observe;
pub mod order;
pub mod payments;
pub mod routes;
pub mod settings;
