/*
 * Runs a program and writes down what it does to the files below one directory: writes with their bytes, syncs, renames,
 * removals. Or lets the Nth of these calls fail, as a full or a broken disk would, and all that come after it.
 *
 *   recorder LOG DIR PROGRAM [ARGUMENT ...]
 *   recorder --fail ERRNO KINDS N DIR PROGRAM [ARGUMENT ...]      KINDS: w (writes), s (syncs)
 *
 * Why C, and not a crate: it needs ptrace and seccomp, unsafe by nature, which no crate of the house may use; and it is not
 * a library laid under the program (LD_PRELOAD), because some of what the engines do goes past the C library. It is built
 * by the test that uses it, with the compiler that Rust needs for linking anyway. x86-64 and AArch64, Linux 5.3 and later.
 *
 * A record: kind, length of the path, a number, length of the data in one line of text; then the path, then the data.
 *   C created   T cut or grown to NUMBER   W written at NUMBER   R renamed to DATA   L linked as DATA   U removed   D made
 *   f a sync NUMBER begins   F it has ended well   A said DATA on standard output   X something that is not understood
 * What changes something stands at the place where it was complete, f and A where they began: what a sync covers was there
 * before its f, and what was said rests on what stands before it.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATH_MAX_BYTES 4096
#define DATA_MAX (64 * 1024 * 1024)
#define THREADS_MAX 512

static const int traced[] = {
	SYS_write, SYS_pwrite64, SYS_writev, SYS_pwritev, SYS_pwritev2, SYS_fsync, SYS_fdatasync, SYS_openat, SYS_openat2,
	SYS_renameat, SYS_renameat2, SYS_unlinkat, SYS_linkat, SYS_ftruncate, SYS_truncate, SYS_fallocate, SYS_mkdirat,
	SYS_copy_file_range, SYS_sendfile, SYS_sync, SYS_syncfs, SYS_sync_file_range,
#ifdef __x86_64__
	SYS_open, SYS_creat, SYS_rename, SYS_unlink, SYS_link, SYS_mkdir, SYS_rmdir,
#endif
};

/* A call that has begun and not ended. */
struct call {
	pid_t tid;
	int used, failing;
	char kind;
	long long number;
	char path[PATH_MAX_BYTES], other[PATH_MAX_BYTES];
	char *data;
	size_t length;
};

/* What PTRACE_GET_SYSCALL_INFO tells; the C library's name for it has changed over time. */
struct stop {
	unsigned char op, pad[3];
	unsigned arch;
	unsigned long long instruction, stack;
	union {
		struct { unsigned long long nr, args[6]; } begin;
		struct { long long result; } end;
	};
};

static struct call calls[THREADS_MAX];
static FILE *out;
static const char *dir;
static size_t dir_length;
static long long syncs;
static int fail_errno;
static const char *fail_kinds = "";
static long fail_after;
static pid_t child;

static void die(const char *what) {
	perror(what);
	exit(125);
}

static void record(char kind, const char *path, long long number, const void *data, size_t length) {
	if (!out)
		return;
	fprintf(out, "%c %zu %lld %zu\n", kind, strlen(path), number, length);
	fwrite(path, 1, strlen(path), out);
	if (length)
		fwrite(data, 1, length, out);
	if (fflush(out))
		die("the log");
}

static int inside(const char *path) {
	return !strncmp(path, dir, dir_length) && (path[dir_length] == '/' || !path[dir_length]);
}

static size_t peek(pid_t tid, unsigned long long from, void *to, size_t length) {
	struct iovec here = {to, length}, there = {(void *)from, length};
	ssize_t got = process_vm_readv(tid, &here, 1, &there, 1, 0);
	return got < 0 ? 0 : (size_t)got;
}

static void peek_text(pid_t tid, unsigned long long from, char *to) {
	size_t done = 0;
	to[0] = 0;
	/* Not beyond the end of a page, which may be the last one. */
	while (done < PATH_MAX_BYTES - 1) {
		size_t step = 256 - ((from + done) & 255);
		if (step > PATH_MAX_BYTES - 1 - done)
			step = PATH_MAX_BYTES - 1 - done;
		size_t got = peek(tid, from + done, to + done, step);
		to[done + got] = 0;
		if (!got || strlen(to) < done + got)
			return;
		done += got;
	}
}

static int link_of(pid_t tid, const char *what, char *to) {
	char name[64];
	snprintf(name, sizeof name, "/proc/%d/%s", tid, what);
	ssize_t length = readlink(name, to, PATH_MAX_BYTES - 1);
	to[length < 0 ? 0 : length] = 0;
	return length > 0;
}

static int path_of_fd(pid_t tid, int fd, char *to) {
	char name[32];
	snprintf(name, sizeof name, "fd/%d", fd);
	return link_of(tid, name, to);
}

/* The path that a call names relative to a directory. */
static void path_at(pid_t tid, int at, unsigned long long text, char *to) {
	char name[PATH_MAX_BYTES], base[PATH_MAX_BYTES];
	peek_text(tid, text, name);
	if (name[0] == '/') {
		strcpy(to, name);
		return;
	}
	if (at == AT_FDCWD)
		link_of(tid, "cwd", base);
	else
		path_of_fd(tid, at, base);
	if (snprintf(to, PATH_MAX_BYTES, "%s/%s", base, name) >= PATH_MAX_BYTES)
		to[0] = 0;
}

/* Where a write without an offset goes. */
static long long position(pid_t tid, int fd, const char *path) {
	char name[64], line[128];
	long long at = 0;
	unsigned flags = 0;
	snprintf(name, sizeof name, "/proc/%d/fdinfo/%d", tid, fd);
	FILE *info = fopen(name, "r");
	if (!info)
		die("fdinfo");
	while (fgets(line, sizeof line, info)) {
		sscanf(line, "pos: %lld", &at);
		sscanf(line, "flags: %o", &flags);
	}
	fclose(info);
	struct stat st;
	if (flags & O_APPEND)
		at = stat(path, &st) ? 0 : st.st_size;
	return at;
}

static void take(struct call *call, pid_t tid, unsigned long long from, size_t length) {
	if (length > DATA_MAX)
		die("a write that long");
	call->data = realloc(call->data, call->length + length);
	if (length && !call->data)
		die("memory");
	call->length += peek(tid, from, call->data + call->length, length);
}

static void take_vector(struct call *call, pid_t tid, unsigned long long from, unsigned long long count) {
	struct iovec parts[1024];
	if (count > 1024)
		die("a vector that long");
	peek(tid, from, parts, count * sizeof *parts);
	for (unsigned long long i = 0; i < count; i++)
		take(call, tid, (unsigned long long)parts[i].iov_base, parts[i].iov_len);
}

static struct call *call_of(pid_t tid, int begin) {
	struct call *free_one = NULL;
	for (int i = 0; i < THREADS_MAX; i++) {
		if (calls[i].used && calls[i].tid == tid)
			return &calls[i];
		if (!calls[i].used && !free_one)
			free_one = &calls[i];
	}
	if (!begin)
		return NULL;
	if (!free_one)
		die("too many threads");
	char *data = free_one->data;
	memset(free_one, 0, sizeof *free_one);
	free(data);
	free_one->tid = tid;
	free_one->used = 1;
	return free_one;
}

/* Makes the kernel skip the call that is about to begin. */
static void skip_call(pid_t tid) {
#if defined __x86_64__
	struct user_regs_struct regs;
	if (ptrace(PTRACE_GETREGS, tid, 0, &regs))
		die("registers");
	regs.orig_rax = -1;
	ptrace(PTRACE_SETREGS, tid, 0, &regs);
#elif defined __aarch64__
	int none = -1;
	struct iovec part = {&none, sizeof none};
	ptrace(PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL, &part);
#else
#error "which register holds the call?"
#endif
}

static void answer_call(pid_t tid, long result) {
#if defined __x86_64__
	struct user_regs_struct regs;
	if (ptrace(PTRACE_GETREGS, tid, 0, &regs))
		die("registers");
	regs.rax = result;
	ptrace(PTRACE_SETREGS, tid, 0, &regs);
#elif defined __aarch64__
	struct user_regs_struct regs;
	struct iovec part = {&regs, sizeof regs};
	ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &part);
	regs.regs[0] = result;
	ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &part);
#endif
}

/* A call is about to begin. Whether its end is of interest. */
static int begin(pid_t tid) {
	struct stop info;
	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof info, &info) < 0)
		return 0;
	unsigned long long *a = info.begin.args;
	struct call *c = call_of(tid, 1);
	c->number = 0;
	switch (info.begin.nr) {
	case SYS_write: case SYS_pwrite64: case SYS_writev: case SYS_pwritev: case SYS_pwritev2: {
		int fd = (int)a[0], vector = info.begin.nr != SYS_write && info.begin.nr != SYS_pwrite64;
		int placed = info.begin.nr != SYS_write && info.begin.nr != SYS_writev;
		if (!path_of_fd(tid, fd, c->path) || (fd != 1 && !inside(c->path)))
			break;
		if (vector)
			take_vector(c, tid, a[1], a[2]);
		else
			take(c, tid, a[1], a[2]);
		if (fd == 1) {
			record('A', "", 0, c->data, c->length);
			break;
		}
		c->kind = 'W';
		/* pwritev gives its offset in halves, of which the second is empty here. */
		c->number = placed && !(info.begin.nr == SYS_pwritev2 && (long long)a[3] == -1)
			? (long long)a[3] : position(tid, fd, c->path);
		break;
	}
	case SYS_fsync: case SYS_fdatasync:
		if (path_of_fd(tid, (int)a[0], c->path) && inside(c->path)) {
			c->kind = 'F';
			c->number = ++syncs;
			record('f', c->path, c->number, NULL, 0);
		}
		break;
#ifdef __x86_64__
	case SYS_open: case SYS_creat:
		path_at(tid, AT_FDCWD, a[0], c->path);
		c->number = info.begin.nr == SYS_creat ? O_CREAT | O_TRUNC | O_WRONLY : (long long)a[1];
		goto opens;
	case SYS_rename: case SYS_link:
		path_at(tid, AT_FDCWD, a[0], c->path);
		path_at(tid, AT_FDCWD, a[1], c->other);
		c->kind = inside(c->path) || inside(c->other) ? (info.begin.nr == SYS_link ? 'L' : 'R') : 0;
		break;
	case SYS_unlink: case SYS_rmdir:
		path_at(tid, AT_FDCWD, a[0], c->path);
		c->kind = inside(c->path) ? 'U' : 0;
		break;
	case SYS_mkdir:
		path_at(tid, AT_FDCWD, a[0], c->path);
		c->kind = inside(c->path) ? 'D' : 0;
		break;
#endif
	case SYS_openat2: {
		unsigned long long how[3] = {0};
		peek(tid, a[2], how, sizeof how);
		path_at(tid, (int)a[0], a[1], c->path);
		c->number = (long long)how[0];
		goto opens;
	}
	case SYS_openat:
		path_at(tid, (int)a[0], a[1], c->path);
		c->number = (long long)a[2];
	opens: {
		struct stat st;
		if (!inside(c->path))
			break;
		if (lstat(c->path, &st))
			c->kind = c->number & O_CREAT ? 'C' : 0;
		else
			c->kind = c->number & O_TRUNC && S_ISREG(st.st_mode) ? 'T' : 0;
		c->number = 0;
		break;
	}
	case SYS_renameat: case SYS_renameat2: case SYS_linkat:
		path_at(tid, (int)a[0], a[1], c->path);
		path_at(tid, (int)a[2], a[3], c->other);
		c->kind = inside(c->path) || inside(c->other) ? (info.begin.nr == SYS_linkat ? 'L' : 'R') : 0;
		break;
	case SYS_unlinkat:
		path_at(tid, (int)a[0], a[1], c->path);
		c->kind = inside(c->path) ? 'U' : 0;
		break;
	case SYS_mkdirat:
		path_at(tid, (int)a[0], a[1], c->path);
		c->kind = inside(c->path) ? 'D' : 0;
		break;
	case SYS_ftruncate: case SYS_fallocate:
		if (!path_of_fd(tid, (int)a[0], c->path) || !inside(c->path))
			break;
		c->kind = 'T';
		c->number = (long long)a[1];
		if (info.begin.nr == SYS_fallocate) {
			struct stat st;
			long long end = (long long)(a[2] + a[3]);
			c->number = stat(c->path, &st) || st.st_size < end ? end : st.st_size;
			if (a[1])
				c->kind = 'X';
		}
		break;
	case SYS_truncate:
		path_at(tid, AT_FDCWD, a[0], c->path);
		c->kind = inside(c->path) ? 'T' : 0;
		c->number = (long long)a[1];
		break;
	case SYS_copy_file_range: case SYS_sendfile: {
		int fd = (int)(info.begin.nr == SYS_sendfile ? a[0] : a[2]);
		c->kind = path_of_fd(tid, fd, c->path) && inside(c->path) ? 'X' : 0;
		break;
	}
	case SYS_sync_file_range:
		/* Promises nothing about a loss of power; but it may fail. */
		if (path_of_fd(tid, (int)a[0], c->path) && inside(c->path))
			c->kind = 's';
		break;
	default:
		break;
	}
	if (!c->kind) {
		c->used = 0;
		return 0;
	}
	int is_sync = c->kind == 'F' || c->kind == 's', is_write = c->kind == 'W' || c->kind == 'C';
	if (fail_errno && strchr(fail_kinds, is_sync ? 's' : is_write ? 'w' : '-') && --fail_after < 0) {
		if (fail_after == -1) {
			struct timespec now;
			clock_gettime(CLOCK_REALTIME, &now);
			fprintf(stderr, "recorder: fails from here: %lld.%09ld: %c %s\n", (long long)now.tv_sec, now.tv_nsec,
				c->kind, c->path);
			fflush(stderr);
		}
		c->failing = 1;
		skip_call(tid);
	}
	return 1;
}

/* A call has ended. */
static void end(pid_t tid) {
	struct stop info;
	struct call *c = call_of(tid, 0);
	if (!c)
		return;
	c->used = 0;
	if (c->failing) {
		answer_call(tid, -fail_errno);
		return;
	}
	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof info, &info) < 0 || info.end.result < 0 || c->kind == 's')
		return;
	if (c->kind == 'W')
		record('W', c->path, c->number, c->data, (size_t)info.end.result < c->length ? (size_t)info.end.result : c->length);
	else
		record(c->kind, c->path, c->number, c->other, strlen(c->other));
}

static void filter(void) {
	struct sock_filter code[THREADS_MAX];
	size_t n = sizeof traced / sizeof *traced, at = 0;
	code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < n; i++)
		code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, traced[i], (unsigned char)(n - i), 0);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	struct sock_fprog program = {(unsigned short)at, code};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		die("seccomp");
}

static void pass_on(int number) {
	if (child > 0)
		kill(child, number);
}

int main(int argc, char **argv) {
	char **rest;
	if (argc > 6 && !strcmp(argv[1], "--fail")) {
		fail_errno = atoi(argv[2]);
		fail_kinds = argv[3];
		fail_after = atol(argv[4]);
		dir = argv[5];
		rest = argv + 6;
	} else if (argc > 3) {
		out = fopen(argv[1], "we");
		if (!out)
			die(argv[1]);
		dir = argv[2];
		rest = argv + 3;
	} else {
		fprintf(stderr, "recorder LOG DIR PROGRAM ... | recorder --fail ERRNO KINDS N DIR PROGRAM ...\n");
		return 125;
	}
	dir_length = strlen(dir);
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		raise(SIGSTOP);
		filter();
		execvp(rest[0], rest);
		die(rest[0]);
	}
	int status;
	if (waitpid(child, &status, WUNTRACED) < 0 || !WIFSTOPPED(status))
		die("the child");
	long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
		PTRACE_O_TRACEVFORK | PTRACE_O_EXITKILL;
	if (ptrace(PTRACE_SEIZE, child, 0, options))
		die("ptrace");
	kill(child, SIGCONT);
	signal(SIGTERM, pass_on);
	signal(SIGINT, pass_on);
	for (;;) {
		pid_t tid = waitpid(-1, &status, __WALL);
		if (tid < 0) {
			if (errno == EINTR)
				continue;
			return 124;
		}
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			struct call *c = call_of(tid, 0);
			if (c)
				c->used = 0;
			if (tid == child)
				return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			continue;
		}
		int number = WSTOPSIG(status), event = status >> 16;
		if (event == PTRACE_EVENT_SECCOMP)
			ptrace(begin(tid) ? PTRACE_SYSCALL : PTRACE_CONT, tid, 0, 0);
		else if (number == (SIGTRAP | 0x80)) {
			end(tid);
			ptrace(PTRACE_CONT, tid, 0, 0);
		} else if (event == PTRACE_EVENT_STOP && number != SIGTRAP)
			ptrace(PTRACE_LISTEN, tid, 0, 0);
		else if (event)
			ptrace(PTRACE_CONT, tid, 0, 0);
		else
			ptrace(PTRACE_CONT, tid, 0, number);
	}
}
