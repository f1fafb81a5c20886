"""Which of Python's own tests are left out, and why: each by name and reason.

A name is `Class.method`; a star stands for whatever may be there. `@3.12,3.13` says
which versions have it; without that, all three do. `test_stdlib.py` asserts that each
name exists where it is said to, so that nothing is left out that is no longer there.
"""

from __future__ import annotations

_PROCESS = "it starts another Python, in which nothing is under control"
_FORK = "it forks the process, which the controlled library does not offer"
_SIGNAL = "it needs a real signal, or an exception thrown into a thread from C"
_C_VERSION = "it is about the C version of a class; the Python one runs in its place"
_C_INSIDE = "it looks at how C keeps threads and locks, and here they are tasks"
_NATIVE = "it replaces the inside of `Thread.start`, which is the engine's own here"
_REPORTED = "an exception that ends a thread is reported, not printed: the engine's job"
_LOGGED = "it reads the library's log, which is silent under thousands of schedules"
_LONG = "fifty threads that poll: more than a million points in one execution"
_PROCESSES = "it is about pools of processes"
_POOLS = "test.test_concurrent_futures"

LEFT_OUT: dict[str, dict[str, str]] = {
    "test.test_thread": {
        _FORK: "LockTests.test_at_fork_reinit TestForkInThread.*",
        _REPORTED: "ThreadRunningTests.test_unraisable_exception",
    },
    "test.test_threading": {
        _PROCESS: """
            ThreadTests.test_finalization_shutdown
            ThreadTests.test_finalize_running_thread
            ThreadTests.test_finalize_with_trace
            ThreadTests.test_import_from_another_thread
            ThreadTests.test_join_nondaemon_on_shutdown
            ThreadTests.test_locals_at_exit
            ThreadTests.test_main_thread_during_shutdown
            ThreadTests.test_start_new_thread_at_exit@3.12
            ThreadTests.test_start_new_thread_at_finalization@3.13
            ThreadJoinOnShutdown.test_1_join_on_shutdown
            ThreadJoinOnShutdown.test_4_daemon_threads
            ThreadJoinOnShutdown.test_thread_from_thread@3.13
            SubinterpThreadingTests.test_daemon_threads_fatal_error
            SubinterpThreadingTests.test_daemon_threads_not_allowed@3.12,3.13
            SubinterpThreadingTests.test_threads_not_allowed@3.12,3.13
            ThreadingExceptionTests.test_print_exception
            ThreadingExceptionTests.test_print_exception_gh_102056@3.12,3.13
            ThreadingExceptionTests.test_print_exception_stderr_is_none_1
            ThreadingExceptionTests.test_print_exception_stderr_is_none_2
            ThreadingExceptionTests.test_recursion_limit
            MiscTestCase.test_gh112826_missing__thread__is_main_interpreter@3.12
            AtexitTests.test_atexit_output
            AtexitTests.test_atexit_called_once
            AtexitTests.test_atexit_after_shutdown
        """,
        _FORK: """
            ThreadTests.test_dummy_thread_after_fork
            ThreadTests.test_fork_at_exit@3.11
            ThreadTests.test_is_alive_after_fork
            ThreadTests.test_main_thread_after_fork
            ThreadTests.test_main_thread_after_fork_from_nonmain_thread
            ThreadTests.test_main_thread_after_fork_from_dummy_thread@3.13
            ThreadTests.test_main_thread_after_fork_from_foreign_thread@3.13
            ThreadJoinOnShutdown.test_2_join_in_forked_process
            ThreadJoinOnShutdown.test_3_join_in_forked_from_thread
            ThreadJoinOnShutdown.test_clear_threads_states_after_fork
            ThreadJoinOnShutdown.test_reinit_tls_after_fork
            LockTests.test_at_fork_reinit
            EventTests.test_at_fork_reinit
        """,
        _SIGNAL: """
            ThreadTests.test_PyThreadState_SetAsyncExc
            InterruptMainTests.test_interrupt_main_mainthread
            InterruptMainTests.test_interrupt_main_subthread
        """,
        _C_VERSION: "CRLockTests.* ConditionAsRLockTests.test_recursion_count",
        _C_INSIDE: """
            ThreadTests.test_disallow_instantiation@3.11,3.12
            ThreadTests.test_shutdown_locks@3.11,3.12
            ThreadTests.test_tstate_lock@3.11,3.12
            ThreadTests.test_foreign_thread@3.13
            ExceptHookTests.test_excepthook_thread_None
        """,
        _NATIVE: "ThreadTests.test_limbo_cleanup",
        _REPORTED: """
            ExceptHookTests.test_excepthook
            ExceptHookTests.test_custom_excepthook_fail
            ExceptHookTests.test_original_excepthook
        """,
    },
    "test.test_queue": {
        _C_VERSION: """
            CQueueTest.* CLifoQueueTest.* CPriorityQueueTest.* CFailingQueueTest.*
            CSimpleQueueTest.*
        """,
        _LONG: "PySimpleQueueTest.test_many_threads_nonblock",
    },
    f"{_POOLS}.test_thread_pool": {
        _FORK: "ThreadPoolExecutorTest.test_hang_global_shutdown_lock",
    },
    f"{_POOLS}.test_future": {
        _LOGGED: """
            FutureTests.test_done_callback_raises
            FutureTests.test_done_callback_raises_already_succeeded
        """,
    },
    f"{_POOLS}.test_wait": {_PROCESSES: "ProcessPool*"},
    f"{_POOLS}.test_as_completed": {_PROCESSES: "ProcessPool*"},
    f"{_POOLS}.test_init": {
        _PROCESSES: "ProcessPool* FailingInitializerResourcesTest.*"
    },
    f"{_POOLS}.test_shutdown": {
        _PROCESSES: "ProcessPool*",
        _PROCESS: """
            ThreadPoolShutdownTest.test_interpreter_shutdown
            ThreadPoolShutdownTest.test_submit_after_interpreter_shutdown
            ThreadPoolShutdownTest.test_hang_gh83386
            ThreadPoolShutdownTest.test_cancel_futures_wait_false
        """,
    },
}


def left_out(module: str, version: str) -> dict[str, str]:
    """Return the names that a version leaves out of a module, each with its reason."""
    reasons: dict[str, str] = {}
    for reason, names in LEFT_OUT.get(module, {}).items():
        for entry in names.split():
            name, _, versions = entry.partition("@")
            if not versions or version in versions.split(","):
                reasons[name] = reason
    return reasons
