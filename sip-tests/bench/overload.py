#!/usr/bin/env python3
"""Overload: a node `mcx run` that makes de-authorizations durable, offered three times what it can do.

    sip-tests/bench/overload.py

An MC service server of the example configuration, with a store of 10,000 visitors. Every request is a valid notification of a
stay newer than all before, so that each 200 means a row written and committed. Stretches, 2 to 4 without a pause:

  1. as many requests as answers allow, with more and more under way: the most that is served is the capacity;
  2. half of the capacity, before;
  3. three times the capacity, for 10 s;
  4. half of it again;
  5. three times and six times the capacity for 5 s each: from both, what a served and a refused request cost then.

Requests are sent once: a real client would send the lost ones again, and hold back after a 503 with Retry-After, which the
generator does not. The node has core 1, the generator core 0. Standard library only; needs nothing installed."""
import argparse
import os
import statistics

import box
from box import BENCH, BOX_CPU, HOST, PROJECT, Boxes

SERVER, PARTNER = 5071, 5061
# Seconds after which a request without an answer is lost.
PATIENCE = 2
# Requests under way, tried for the capacity.
WINDOWS = (64, 128, 256, 512, 1024)


def configuration(boxes, visitors, users):
    """The example `direct/b-server` on our address, with visitors in its store."""
    with open(os.path.join(PROJECT, 'docs', 'loopback', 'direct', 'b-server.toml')) as file:
        text = file.read().replace('127.0.0.1', HOST)
    text = text.replace('../keys', os.path.join(PROJECT, 'docs', 'loopback', 'keys'))
    path = os.path.join(boxes.folder, 'b-server.toml')
    with open(path, 'w') as file:
        file.write(text)
    filling = boxes.start([visitors, os.path.join(boxes.folder, 'b-server.sqlite'), str(users)], BOX_CPU)
    if filling.wait() != 0:
        raise SystemExit('the store cannot be filled')
    return path


def run(options, program):
    with Boxes() as boxes:
        config = configuration(boxes, program('visitors'), options.users)
        # Decisions are logged at `info`; a node under load says warnings alone.
        node = boxes.start([program('mcx'), 'run', '--config', config], BOX_CPU, {'MCX_LOG': 'warn'})
        box.wait_until_it_answers(SERVER, node)
        extra = ['--from', f'{HOST}:{PARTNER}', '--users', str(options.users), '--patience', str(PATIENCE * 1000),
                 '--template', os.path.join(BENCH, 'deauthorization.sip')]

        stays = 0

        def offer(*phases, more=()):
            # Stays newer than those of the offer before, so that every one is written.
            nonlocal stays
            stays += 50_000_000
            cpu = box.cpu_seconds(node.pid)
            lines = box.load(program('load'), SERVER, phases, [*extra, '--stays', str(stays), *more])
            return lines, box.cpu_seconds(node.pid) - cpu

        # The first one warms up: pages of the store, memory.
        offer('max:2')
        capacity = served_us = best = 0
        for window in WINDOWS:
            (seen,), cpu = offer('max:3', more=['--window', str(window)])
            if seen['ok'] == 0 or seen['other']:
                raise SystemExit(f'the node does not serve this: {seen}\n{boxes.log()[-2000:]}')
            if seen['ok_rate'] > capacity:
                capacity, served_us, best = int(seen['ok_rate']), cpu / seen['ok'] * 1e6, window
        half, much = capacity // 2, int(capacity * options.times)
        lines, cpu = offer(f'{half}:3', f'{much}:{options.seconds}', f'{half}:5', more=['--slices', '100'])
        # A disk and a machine have their moods: what it could do then is what it did before and after.
        (seen,), _ = offer('max:3', more=['--window', str(best)])
        then = (capacity + int(seen['ok_rate'])) // 2
        slices = [line for line in lines if 'slice' in line]
        before, during, after = [line for line in lines if 'phase' in line]
        # What a served and a refused one cost there: two mixtures, two unknowns.
        mixtures = [(more[0]['ok'], more[0]['refused'], cpu) for more, cpu in (offer(f'{much}:5'), offer(f'{2 * much}:5'))]
        (ok1, no1, cpu1), (ok2, no2, cpu2) = mixtures
        both = ok1 * no2 - ok2 * no1 or 1
        served_then, refused_then = ((cpu1 * no2 - cpu2 * no1) / both * 1e6, (ok1 * cpu2 - ok2 * cpu1) / both * 1e6)
        # Normal is what was before: the end of the overload, and the first half second of slices that all are normal.
        end = 3 + options.seconds
        normal = max(2 * statistics.median(s['p99_us'] for s in slices if s['slice'] < 3), 10_000)
        late = [s for s in slices if s['slice'] >= end]
        # What is given up in a slice was sent when its patience began.
        gone = {round(s['slice'] - PATIENCE, 1) for s in slices if s['lost']}
        good = [s['p99_us'] <= normal and not s['refused'] and round(s['slice'], 1) not in gone for s in late]
        first = next((n for n in range(len(good) - 4) if all(good[n:n + 5])), None)
        again = f'more than {late[-1]["slice"] - end:.1f}' if first is None else round(late[first]['slice'] - end, 2)
        return {
            'capacity': capacity, 'served_us': round(served_us, 1), 'offered': much, 'goodput': round(during['ok_rate']),
            'capacity_then': then, 'share': round(during['ok_rate'] / then * 100, 1), 'sent': during['sent'], 'refused': during['refused'], 'lost': during['lost'],
            'before_p99_ms': before['p99_us'] / 1e3, 'during_p50_ms': during['p50_us'] / 1e3, 'during_p99_ms': during['p99_us'] / 1e3,
            'normal_after_s': again, 'after_p99_ms': after['p99_us'] / 1e3,
            'after_refused': after['refused'], 'served_us_then': round(served_then, 1), 'refused_us_then': round(refused_then, 1),
            'mixtures': [(ok, no, round(cpu, 2)) for ok, no, cpu in mixtures], 'slices': slices,
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=int, default=10, help='of capacity and of overload')
    parser.add_argument('--times', type=float, default=3, help='of the capacity that is offered')
    parser.add_argument('--users', type=int, default=10_000)
    parser.add_argument('--slices', action='store_true', help='print every tenth of a second too')
    parser.add_argument('--programs', help='folder with the release programs; built if it is not given')
    options = parser.parse_args()
    program = box.programs(options.programs)
    print(box.machine())
    runs = []
    for _ in range(options.rounds):
        result = run(options, program)
        slices = result.pop('slices')
        if options.slices:
            for s in slices:
                print(f"{s['slice']:6.2f} s: sent {s['sent']:6} ok {s['ok']:5} refused {s['refused']:6} lost {s['lost']:6} p99 {s['p99_us'] / 1e3:.1f} ms")
        runs.append(result)
        print(result, flush=True)
    print('\n| median of the rounds | |\n|---|---|')
    for name in runs[0]:
        values = [r[name] for r in runs]
        numbers = all(isinstance(value, (int, float)) for value in values)
        print(f'| {name} | {f"{statistics.median(values):,.2f}" if numbers else values} |')


if __name__ == '__main__':
    main()
