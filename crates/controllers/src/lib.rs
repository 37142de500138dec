//! Controllers as pure reconcile functions.
