"""Simulated pumps, lines and patients. Knows protocols/, never pumpctl (rig alone excepted)."""
