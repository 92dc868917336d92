"""Work is done in the order in which it was asked for, and one piece in each turn of the loop."""

from __future__ import annotations

import asyncio

from serving.turns import Turns


def test_no_two_pieces_of_work_share_a_turn_and_the_order_is_kept() -> None:
    done: list[tuple[int, int]] = []
    turn = 0

    async def ask() -> None:
        turns, loop = Turns(), asyncio.get_running_loop()

        def count() -> None:
            nonlocal turn
            turn += 1
            if len(done) < 8:
                loop.call_soon(count)

        async def work(number: int) -> None:
            await turns.take()
            done.append((turn, number))

        count()
        pieces = [asyncio.create_task(work(number)) for number in range(9)]
        pieces[3].cancel()
        await asyncio.sleep(0)
        pieces[5].cancel()
        await asyncio.gather(*pieces, return_exceptions=True)
        await work(9)

    asyncio.run(ask())
    assert [number for _, number in done] == [0, 1, 2, 4, 6, 7, 8, 9]
    taken = [at for at, _ in done[:-1]]
    assert sorted(set(taken)) == taken
