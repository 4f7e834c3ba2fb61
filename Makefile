# Everything one does with contain, from the first build to the boot in QEMU; `make help` lists it.
# All that is made or downloaded goes below build/ and target/. Each target brings what it needs.
# `make ARCH=aarch64 TARGET` is for the other machine: its binary, kernel and initramfs are below build/aarch64.
PREFIX ?= /usr/local
ARCH := x86_64
ifeq ($(ARCH),x86_64)
out := build
SIZE_LIMIT := 266240
else ifeq ($(ARCH),aarch64)
out := build/aarch64
# Its instructions are all four bytes wide.
SIZE_LIMIT := 270336
foreign := $(out)/busybox/bin/busybox
qemu := --arch $(ARCH)
else
$(error ARCH is x86_64 or aarch64, not $(ARCH))
endif
target := $(ARCH)-unknown-linux-musl
cargo := RUSTC_BOOTSTRAP=1 cargo --config .cargo/static.toml build --release --target-dir target --target $(target)
sources := $(shell find src -type f) Cargo.toml Cargo.lock .cargo/static.toml .cargo/launch.ld
# `make qemu CMD='echo $HOME'`: the dollar is for the guest's shell, not for make.
override export CMD := $(value CMD)

.PHONY: all setup rootfs debian demo shell initramfs aarch64 qemu test attack bench fuzz size check install clean help root
.DELETE_ON_ERROR:

all: $(out)/contain ## build build/contain, the static binary (this is what plain `make` does)

# The shipped build compiles std too, which stable Rust does only when RUSTC_BOOTSTRAP says so.
$(out)/contain: $(sources)
	@tools/setup rust:$(ARCH) gcc libc6-dev
	@[ ! .cargo/launch.ld -nt $@ ] || touch src/main.rs # of which cargo knows nothing
	$(cargo)
	@install -D target/$(target)/release/contain $@

# The walls of src/weak.rs can be taken down in this one. What is compiled already for the shipped one serves it too.
$(out)/contain-weak: $(out)/contain
	$(cargo) --features weak
	@install -D target/$(target)/release/contain $@

setup: ## install what building, tests and benchmark need (as root), or say what to install
	@tools/setup rust:x86_64 rust:aarch64 gcc libc6-dev binutils musl-tools busybox-static cpio qemu-system-x86 \
	    qemu-system-arm gcc-aarch64-linux-gnu libc6-dev-arm64-cross debootstrap libcap2-bin strace uidmap \
	    bubblewrap crun runc zsh fish golang-github-containers-common squashfs-tools erofs-utils e2fsprogs \
	    xfsprogs btrfs-progs dosfstools fdisk attr kmod tini catatonit dumb-init xz-utils
	@echo "setup: everything is here"

rootfs: $(out)/rootfs/bin/busybox ## make build/rootfs, a busybox root file system
$(out)/rootfs/bin/busybox: initramfs/rootfs $(foreign)
	@tools/setup busybox-static binutils
	initramfs/rootfs $(out)/rootfs $(foreign)

debian: build/debian/usr/bin/python3 ## make build/debian, a small Debian with apt and python3 (root, once)
build/debian/usr/bin/python3: | root
	@tools/setup debootstrap
	tools/debian build/debian

demo: setup build/contain rootfs ## show a container: hostname, processes, files, cgroup, limits at work
	@tools/demo

shell: build/contain rootfs ## an interactive shell in a container with 64 MB
	@build/contain run --rootfs build/rootfs --memory 64M --pids 64 --hostname contain -- /bin/sh

initramfs: $(out)/initramfs.cpio.gz ## pack contain and busybox for a boot, and fetch a kernel
$(out)/initramfs.cpio.gz: $(out)/contain $(wildcard initramfs/*) $(foreign) | $(out)/kernel/vmlinuz
	@tools/setup busybox-static binutils cpio kmod
	initramfs/pack $@ $(out)/contain $(out)/kernel $(foreign)
$(out)/kernel/vmlinuz:
	qemu/kernel $(ARCH) $(out)/kernel
build/aarch64/busybox/bin/busybox: | build/aarch64/kernel/vmlinuz
	tools/fetch aarch64 build/aarch64/apt build/aarch64/busybox.new busybox-static
	@mv build/aarch64/busybox.new build/aarch64/busybox

aarch64: ## build what the boot tests on aarch64 need: contain, its initramfs, a root file system and a kernel
	@$(MAKE) ARCH=aarch64 initramfs rootfs build/aarch64/contain-weak

qemu: initramfs ## boot it in QEMU: a shell with a terminal, a demonstration without, or CMD='...'
	@tools/setup $(if $(foreign),qemu-system-arm,qemu-system-x86)
	@qemu/run $(qemu) $${CMD:+--sh "$$CMD"}

test: root setup build/contain build/contain-weak rootfs debian initramfs aarch64 ## all tests: unit, root, and boots in QEMU (root)
	cargo test --no-fail-fast

attack: root setup build/contain build/contain-weak rootfs ## the attack suite alone: each attack without its wall, and with it (root)
	cargo test --test attack

bench: root setup build/contain rootfs initramfs ## compare with a C floor and the peers: launch, exec, 1,000 containers, boot (root)
	cargo bench --bench launch
	cargo bench --bench crowd
	cargo bench --bench boot

fuzz: ## feed each reader of hostile input with it for a minute, or for FUZZ=SECONDS (cargo-fuzz)
	@tools/setup rust:x86_64 g++
	@fuzz/run $(FUZZ)

size: $(out)/contain ## hold build/contain to its size, and to being static
	@tools/setup binutils
	@tools/size $(out)/contain $(SIZE_LIMIT)

check: ## formatting, lints and house rules
	@tools/setup rust:x86_64 gcc libc6-dev
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo test --test tidy

install: $(out)/contain ## install the binary and the man page below DESTDIR and PREFIX (/usr/local)
	install -D -m 755 $(out)/contain $(DESTDIR)$(PREFIX)/bin/contain
	install -D -m 644 docs/contain.1 $(DESTDIR)$(PREFIX)/share/man/man1/contain.1

clean: ## remove build/ and target/
	rm -rf build target

help: ## this list
	@sed -n 's/^\([a-z0-9]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

root:
	@[ "$$(id -u)" = 0 ] || { echo "This needs root: namespaces, mounts and cgroups are made for real. Run:" >&2; \
	    echo '    sudo -E env "PATH=$$PATH" make $(MAKECMDGOALS)' >&2; exit 1; }
