//! Objects, indices, resource versions and the change log.
