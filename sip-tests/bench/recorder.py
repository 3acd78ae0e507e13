#!/usr/bin/env python3
"""What the flight recorder costs a node: durable de-authorizations with the recorder on and off, in turns.

    sip-tests/bench/recorder.py                     # CPU of one at a fixed rate: nine rounds of each

Each round starts a node of its own on a store of its own; which of the two comes first changes every round. The node has no trace
file: what is measured is what happens in the way of a message (bytes, transactions, decisions), not what is written beside it.

Needs sip-tester (Debian)."""
import argparse
import shutil
import statistics
import time

import box
import durable
from box import Boxes


def node(boxes, program, options, ring):
    config = durable.example(boxes, 'b-server')
    with open(config, 'a') as file:
        file.write(f'\n[trace]\nring-mib = {ring}\n')
    # SIPp on one core, the node on the other.
    durable.fill(boxes, program, 'b-server', options.users)
    started = boxes.start([program('mcx'), 'run', '--config', config], box.BOX_CPU, {'MCX_LOG': 'warn'})
    box.wait_until_it_answers(5071, started)
    return started


def run(options, program, ring):
    """CPU µs of one, and how many a second."""
    with Boxes() as boxes:
        process = node(boxes, program, options, ring)
        take = durable.users(f'{n:06};\n' for n in range(options.users))
        # The ring is full, the allocator has what it needs, the store's pages are cached.
        durable.sipp(boxes, 'deauthorization.xml', take(options.warm), 5061, 5071, 2 * options.rate)
        before, began = box.cpu_seconds(process.pid), time.monotonic()
        seen = durable.sipp(boxes, 'deauthorization.xml', take(options.count), 5061, 5071, options.rate)
        cpu, wall = box.cpu_seconds(process.pid) - before, time.monotonic() - began
        if seen['ok'] != seen['sent']:
            print(f"  {seen['ok']} of {seen['sent']} answered 200")
        return cpu / max(seen['ok'], 1) * 1e6, seen['ok'] / wall


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--rate', type=int, default=4_000)
    parser.add_argument('--count', type=int, default=20_000, help='measured in each round')
    parser.add_argument('--warm', type=int, default=45_000, help='before that, twice as fast; the ring is full after about 40,000')
    parser.add_argument('--programs', help='folder with the release programs; built if it is not given')
    options = parser.parse_args()
    options.users = options.warm + options.count
    if not shutil.which('sipp'):
        raise SystemExit('sipp is not installed: apt-get install sip-tester')
    program = box.programs(options.programs)
    print(box.machine())
    runs = {'off': [], 'on': []}
    for round in range(options.rounds):
        for name in ('off', 'on') if round % 2 else ('on', 'off'):
            cpu, rate = run(options, program, 64 if name == 'on' else 0)
            runs[name].append(cpu)
            print(f'round {round + 1} recorder {name:3}: {cpu:6.2f} µs CPU each, {rate:,.0f} a second', flush=True)
    print('\n| recorder | CPU µs, median | least – most |\n|---|---|---|')
    for name, all in runs.items():
        print(f'| {name} | {statistics.median(all):.2f} | {min(all):.2f} – {max(all):.2f} |')
    # Of one round each, so that what the machine does meanwhile is in both.
    ratios = [on / off for on, off in zip(runs['on'], runs['off'])]
    print(f'on / off, median of rounds: {statistics.median(ratios):.3f} ({min(ratios):.3f} – {max(ratios):.3f})')


if __name__ == '__main__':
    main()
