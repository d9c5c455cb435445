# The same flags for every build, so that `make build` and `make test` share their work.
SWIFT_FLAGS = -c release -Xcc -march=native
build:
	swift build $(SWIFT_FLAGS) --product edgewise
