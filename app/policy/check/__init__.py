"""`policy check`: small checks, each from a document to its findings, and the report on all of them."""
