"""Measures alloy-lua against peers, as ratios of interleaved runs in one process or of whole processes."""
