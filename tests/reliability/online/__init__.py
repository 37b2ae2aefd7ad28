"""Many people pay online at once while providers misbehave and processes are killed.

world: the communities, the running stack, the simulators    people: who presses, and at what
stories: what people do, as seeded    mix: which stories, and what has to occur in every run
chaos: what goes wrong meanwhile      run: all of it, in one size or another
oracle: both sides' ledgers, read by SQL alone    agreement: whether they say the same
"""
