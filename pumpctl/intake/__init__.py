"""Orders as others write them, turned into the native order. Refuses to judge: the rules do that."""
