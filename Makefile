# Short names only: every one of these works without make.
.PHONY: run stop reset test check messages bench soak

run:
	scripts/run
stop:
	scripts/stop
reset:
	scripts/reset
test:
	scripts/test
check:
	scripts/test lint format templates types layers migrations messages
messages:
	.venv/bin/python -m scripts.check_messages --update
bench:
	.venv/bin/python -m benchmarks
soak:
	.venv/bin/python -m benchmarks.soak
