"""Loading files: the door, the reader, the engine, and what a target promises."""
