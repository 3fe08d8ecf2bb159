"""What a policy is compiled from, one file for each part; each takes the key and reads one snapshot (DESIGN §4)."""
