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
	scripts/test lint format templates layers migrations messages types
messages:
	scripts/python -m scripts.check_messages --update
bench:
	scripts/python -m benchmarks
soak:
	scripts/python -m benchmarks.soak
