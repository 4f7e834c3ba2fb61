# Everything one does with contain, from the first build to the boot in QEMU; `make help` lists it.
# All that is made or downloaded goes below build/ and target/. Each target brings what it needs.
PREFIX ?= /usr/local
SIZE_LIMIT := 266240
sources := $(shell find src -type f) Cargo.toml Cargo.lock .cargo/static.toml
# `make qemu CMD='echo $HOME'`: the dollar is for the guest's shell, not for make.
override export CMD := $(value CMD)

.PHONY: all setup rootfs debian demo shell initramfs qemu test attack bench fuzz size check install clean help root
.DELETE_ON_ERROR:

all: build/contain ## build build/contain, the static binary (this is what plain `make` does)

# The shipped build compiles std too, which stable Rust does only when RUSTC_BOOTSTRAP says so.
build/contain: $(sources)
	@tools/setup rust gcc libc6-dev
	RUSTC_BOOTSTRAP=1 cargo --config .cargo/static.toml build --release --target-dir target
	@install -D target/x86_64-unknown-linux-musl/release/contain $@

# The walls of src/weak.rs can be taken down in this one. What is compiled already for the shipped one serves it too.
build/contain-weak: build/contain
	RUSTC_BOOTSTRAP=1 cargo --config .cargo/static.toml build --release --target-dir target --features weak
	@install -D target/x86_64-unknown-linux-musl/release/contain $@

setup: ## install what building, tests and benchmark need (as root), or say what to install
	@tools/setup rust gcc libc6-dev binutils musl-tools busybox-static cpio qemu-system-x86 debootstrap \
	    libcap2-bin strace uidmap bubblewrap crun runc zsh fish golang-github-containers-common \
	    squashfs-tools erofs-utils e2fsprogs attr kmod tini catatonit dumb-init xz-utils
	@echo "setup: everything is here"

rootfs: build/rootfs/bin/busybox ## make build/rootfs, a busybox root file system
build/rootfs/bin/busybox: initramfs/rootfs
	@tools/setup busybox-static binutils
	initramfs/rootfs build/rootfs

debian: build/debian/usr/bin/python3 ## make build/debian, a small Debian with apt and python3 (root, once)
build/debian/usr/bin/python3: | root
	@tools/setup debootstrap
	tools/debian build/debian

demo: setup build/contain rootfs ## show a container: hostname, processes, files, cgroup, limits at work
	@tools/demo

shell: build/contain rootfs ## an interactive shell in a container with 64 MB
	@build/contain run --rootfs build/rootfs --memory 64M --pids 64 --hostname contain -- /bin/sh

initramfs: build/initramfs.cpio.gz build/kernel/vmlinuz ## pack contain and busybox for a boot, and fetch a kernel
build/initramfs.cpio.gz: build/contain $(wildcard initramfs/*) | build/kernel/vmlinuz
	@tools/setup busybox-static binutils cpio kmod
	initramfs/pack $@ build/contain build/kernel
build/kernel/vmlinuz:
	@mkdir -p build
	qemu/kernel build/kernel

qemu: initramfs ## boot it in QEMU: a shell with a terminal, a demonstration without, or CMD='...'
	@tools/setup qemu-system-x86
	@qemu/run $${CMD:+--sh "$$CMD"}

test: root setup build/contain build/contain-weak rootfs debian initramfs ## all tests: unit, root, and boots in QEMU (root)
	cargo test --no-fail-fast

attack: root setup build/contain build/contain-weak rootfs ## the attack suite alone: each attack without its wall, and with it (root)
	cargo test --test attack

bench: root setup build/contain rootfs initramfs ## compare with a C floor and the peers: launch, exec, 1,000 containers, boot (root)
	cargo bench --bench launch
	cargo bench --bench crowd
	cargo bench --bench boot

fuzz: ## feed each reader of hostile input with it for a minute, or for FUZZ=SECONDS (cargo-fuzz)
	@tools/setup rust g++
	@fuzz/run $(FUZZ)

size: build/contain ## hold build/contain to its size, and to being static
	@tools/setup binutils
	@tools/size build/contain $(SIZE_LIMIT)

check: ## formatting, lints and house rules
	@tools/setup rust gcc libc6-dev
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo test --test tidy

install: build/contain ## install the binary and the man page below DESTDIR and PREFIX (/usr/local)
	install -D -m 755 build/contain $(DESTDIR)$(PREFIX)/bin/contain
	install -D -m 644 docs/contain.1 $(DESTDIR)$(PREFIX)/share/man/man1/contain.1

clean: ## remove build/ and target/
	rm -rf build target

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

root:
	@[ "$$(id -u)" = 0 ] || { echo "This needs root: namespaces, mounts and cgroups are made for real. Run:" >&2; \
	    echo '    sudo -E env "PATH=$$PATH" make $(MAKECMDGOALS)' >&2; exit 1; }
