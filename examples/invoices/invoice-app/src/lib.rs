//! Lists invoices, and has the unpaid ones paid by the payment provider, each exactly once.

pub mod database;
pub mod invoice;
pub mod observe;
pub mod pay;
pub mod provider;
pub mod routes;
pub mod seed;
pub mod settings;
pub mod store;
