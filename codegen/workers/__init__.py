"""A single map over threads or processes, in order and in bounded memory."""
