"""Campaigns: many worlds with random faults, judged by the invariants. Refuses to change what it judges."""
