"""Arrays come back only when nobody uses them any more."""

import threading

import numpy as np

from factor_pool.expression.buffers import KEPT_BYTES, Buffers

_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


def test_an_array_in_use_is_not_given_twice() -> None:
    pool = Buffers()
    held = [pool.take((10, 3), _SINGLE) for _ in range(5)]
    assert len({id(array) for array in held}) == 5
    assert all(array.shape == (10, 3) and array.dtype == _SINGLE for array in held)


def test_a_dropped_array_is_given_again() -> None:
    pool = Buffers()
    place = pool.take((10, 3), _DOUBLE).ctypes.data
    assert pool.take((10, 3), _DOUBLE).ctypes.data == place
    assert pool.take((10, 3), _SINGLE).dtype == _SINGLE


def test_a_view_keeps_its_array() -> None:
    pool = Buffers()
    view = pool.take((10, 3), _SINGLE)[2:4, 1]
    other = pool.take((10, 3), _SINGLE)
    assert not np.shares_memory(view, other)


def test_what_is_kept_is_bounded() -> None:
    pool = Buffers()
    shape = (1024, 1024)
    held = [pool.take(shape, _DOUBLE) for _ in range(2 * KEPT_BYTES // 2**23)]
    places = {array.ctypes.data for array in held}
    pool.trim()
    held.clear()
    again = [pool.take(shape, _DOUBLE) for _ in range(len(places))]
    assert sum(array.ctypes.data in places for array in again[: KEPT_BYTES // 2**23]) > 0
    pool.trim()
    del again
    assert sum(array.nbytes for array in _all(pool)) <= KEPT_BYTES


def _all(pool: Buffers) -> list[np.ndarray]:
    return [array for arrays in pool._pools.values() for array in arrays]


def test_threads_have_pools_of_their_own() -> None:
    pool = Buffers()
    place = pool.take((10, 3), _SINGLE).ctypes.data
    found: list[np.ndarray] = []
    thread = threading.Thread(target=lambda: found.append(pool.take((10, 3), _SINGLE)))
    thread.start()
    thread.join()
    assert found[0].ctypes.data != place
