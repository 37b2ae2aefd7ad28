"""Many people pay online at once while providers misbehave and our processes are killed.

world: the people, the running stack, the simulators    stories: what people do, as seeded
chaos: what goes wrong meanwhile                        agreement: whether both ledgers say the same
run: all of it, in one size or another
"""
