"""A job's process may compute, read, and answer: a filter that the kernel applies from then on.

Every system call that is not listed is refused with EACCES: no new process or thread, no program,
no socket, no signal to another process, no file opened for writing, created or removed. The
kernel's documentation of seccomp filters (Documentation/userspace-api/seccomp_filter.rst) gives
the formats used here.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

_PR_SET_NO_NEW_PRIVS = 38
_SET_MODE_FILTER = 1
_SPEC_ALLOW = 4  # else kernels before 5.16 switch off a part of the processor, for no secret here

# Instructions of the kernel's packet filter.
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER_AT, _ARCHITECTURE_AT, _THIRD_ARGUMENT_AT = 0, 4, 32

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

# Machine -> (its audit number, seccomp's number, openat's, the numbers of the calls that are free).
_X86_64 = (
    "read 0 write 1 close 3 stat 4 fstat 5 lstat 6 poll 7 lseek 8 mmap 9 mprotect 10 munmap 11 "
    "brk 12 rt_sigaction 13 rt_sigprocmask 14 rt_sigreturn 15 pread64 17 readv 19 writev 20 "
    "access 21 select 23 sched_yield 24 mremap 25 mincore 27 madvise 28 dup 32 nanosleep 35 "
    "getpid 39 exit 60 uname 63 getcwd 79 readlink 89 gettimeofday 96 getrusage 98 sysinfo 99 "
    "times 100 getuid 102 getgid 104 geteuid 107 getegid 108 getppid 110 rt_sigpending 127 "
    "rt_sigsuspend 130 sigaltstack 131 statfs 137 fstatfs 138 gettid 186 time 201 futex 202 "
    "sched_getaffinity 204 getdents64 217 restart_syscall 219 fadvise64 221 clock_gettime 228 "
    "clock_getres 229 clock_nanosleep 230 exit_group 231 newfstatat 262 readlinkat 267 "
    "faccessat 269 pselect6 270 ppoll 271 set_robust_list 273 preadv 295 getrandom 318 "
    "membarrier 324 statx 332 rseq 334 close_range 436 faccessat2 439"
)
_AARCH64 = (
    "getcwd 17 dup 23 statfs 43 fstatfs 44 faccessat 48 close 57 getdents64 61 lseek 62 read 63 "
    "write 64 readv 65 writev 66 pread64 67 preadv 69 pselect6 72 ppoll 73 readlinkat 78 "
    "newfstatat 79 fstat 80 exit 93 exit_group 94 futex 98 set_robust_list 99 nanosleep 101 "
    "clock_gettime 113 clock_getres 114 clock_nanosleep 115 sched_getaffinity 123 "
    "sched_yield 124 restart_syscall 128 sigaltstack 132 rt_sigsuspend 133 rt_sigaction 134 "
    "rt_sigprocmask 135 rt_sigpending 136 rt_sigreturn 139 times 153 uname 160 getrusage 165 "
    "gettimeofday 169 getpid 172 getppid 173 getuid 174 geteuid 175 getgid 176 getegid 177 "
    "gettid 178 sysinfo 179 brk 214 munmap 215 mremap 216 mmap 222 fadvise64 223 mprotect 226 "
    "mincore 232 madvise 233 getrandom 278 membarrier 283 statx 291 rseq 293 close_range 436 "
    "faccessat2 439"
)
_MACHINES = {
    "x86_64": (0xC000003E, 317, 257, _X86_64),
    "aarch64": (0xC00000B7, 277, 56, _AARCH64),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def restrict() -> bool:
    """Refuse this process, for good, all but computing, reading and answering.

    Returns
    -------
    bool
        False, and nothing done, on a system or machine for which no filter is known.

    Raises
    ------
    OSError
        The kernel does not take the filter.
    """
    known = _MACHINES.get(platform.machine())
    if sys.platform != "linux" or known is None:
        return False
    machine, seccomp, openat, free = known
    code = _compile(machine, openat, free)
    program = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.syscall(
        ctypes.c_long(seccomp), _SET_MODE_FILTER, _SPEC_ALLOW, ctypes.byref(program)
    ):
        number = ctypes.get_errno()
        raise OSError(number, f"no filter of system calls: {os.strerror(number)}")
    return True


def _compile(machine: int, openat: int, table: str) -> bytes:
    free = [int(word) for word in table.split()[1::2]]
    refuse = (_RETURN, 0, 0, _ERRNO | errno.EACCES)
    allow = (_RETURN, 0, 0, _ALLOW)
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, machine),  # another machine's numbers mean other calls
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    for number in free:
        program += [(_EQUAL, 0, 1, number), allow]
    program += [
        (_EQUAL, 1, 0, openat),
        refuse,
        (_LOAD, 0, 0, _THIRD_ARGUMENT_AT),  # openat's flags
        (_ANY_BIT, 0, 1, _WRITING),
        refuse,
        allow,
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
