//! The tiny parent process: it holds the listeners and restarts its worker.
