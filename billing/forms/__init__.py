"""Forms of billing, one file a subject. They check and translate; services do."""
