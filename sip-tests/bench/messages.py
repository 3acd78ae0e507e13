#!/usr/bin/env python3
"""What a MESSAGE costs: the examples `uas` (server transaction, 200) and `relay` (stateful), beside Kamailio's tm and an echo.

    sip-tests/bench/messages.py                     # five interleaved rounds of each, 20,000 a second for 5 s
    sip-tests/bench/messages.py --ladder            # how much one core takes until it loses requests
    sip-tests/bench/messages.py --sipp              # SIPp as generator

Debian's `kamailio` and `sip-tester` (only with --sipp) have to be installed; without the first, its rows are left out and
a line says so. Needs two cores: the generator (and the far end of relays) runs on core 0, what is measured on core 1.

A line for every run, then the medians. CPU is what the scheduler counted for all threads of the box, system calls and what
the kernel does in their name included. Read the ratios: figures of different days, machines or rates mean little."""
import argparse
import csv
import os
import shutil
import statistics
import subprocess
import sys
import time

import box
from box import BENCH, BOX_CPU, HOST, LOAD_CPU, Boxes

PORT, FAR = 5070, 5090
CASES = ['echo', 'uas', 'kamailio uas', 'relay', 'kamailio relay']


def start(boxes, case, program):
    if 'relay' in case:
        far = boxes.start([program('echo'), '--listen', f'{HOST}:{FAR}'], LOAD_CPU)
        box.wait_until_it_answers(FAR, far)
    if case == 'echo':
        return boxes.start([program('echo'), '--listen', f'{HOST}:{PORT}'], BOX_CPU)
    if case == 'uas':
        return boxes.start([program('uas'), '--listen', f'udp:{HOST}:{PORT}'], BOX_CPU)
    if case == 'relay':
        return boxes.start([program('relay'), '--listen', f'udp:{HOST}:{PORT}', '--to', f'udp:{HOST}:{FAR}'], BOX_CPU)
    return boxes.kamailio(case.split()[1], f'{HOST}:{FAR}')


def sipp(boxes, rate, seconds):
    """SIPp as generator: what succeeded, and what was lost or sent again."""
    stat = os.path.join(boxes.folder, 'stat.csv')
    subprocess.run(['taskset', '-c', LOAD_CPU, 'sipp', f'{HOST}:{PORT}', '-sf', os.path.join(BENCH, 'message.xml'), '-i', HOST,
                    '-p', '5080', '-nostdin', '-t', 'u1', '-r', str(rate), '-m', str(rate * seconds), '-l', '100000',
                    '-trace_stat', '-stf', stat, '-fd', '1', '-buff_size', str(4 << 20), '-timeout', str(seconds + 20)],
                   cwd=boxes.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    with open(stat) as file:
        last = list(csv.DictReader(file, delimiter=';'))[-1]
    return {'ok': int(last['SuccessfulCall(C)']), 'lost': int(last['Retransmissions(C)']), 'p99_us': 0}


def run(case, rate, seconds, options, program):
    with Boxes() as boxes:
        process = start(boxes, case, program)
        box.wait_until_it_answers(PORT, process)
        cpu, full, began = box.cpu_seconds(process.pid), box.overflows(), time.monotonic()
        if options.sipp:
            seen = sipp(boxes, rate, seconds)
        else:
            # A request stays with no transaction of the generator, so half a second of its patience is enough.
            seen = box.load(program('load'), PORT, [f'{rate}:{seconds}'], ['--patience', '500', '--burst', str(options.burst)])[-1]
        wall = time.monotonic() - began
        cpu = box.cpu_seconds(process.pid) - cpu
        ok = max(seen['ok'], 1)
        return {'case': case, 'rate': rate, 'ok': seen['ok'], 'lost': seen['lost'], 'cpu_us': round(cpu / ok * 1e6, 2),
                'core': f'{cpu / wall * 100:.0f} %', 'p99_us': seen['p99_us'], 'overflows': box.overflows() - full,
                'rss_mb': round(box.resident_megabytes(process.pid))}


def table(runs):
    print(f'\n| box | CPU µs / MESSAGE, median | least – most | of the echo | lost | resident |\n|---|---|---|---|---|---|')
    medians = {case: statistics.median(r['cpu_us'] for r in of) for case, of in runs.items() if of}
    for case, of in runs.items():
        all_us = [r['cpu_us'] for r in of]
        floor = f"{medians[case] / medians['echo']:.1f} ×" if 'echo' in medians else ''
        print(f"| {case} | {medians[case]:.1f} | {min(all_us):.1f} – {max(all_us):.1f} | {floor} | {sum(r['lost'] for r in of)} of "
              f"{sum(r['ok'] + r['lost'] for r in of)} | {statistics.median(r['rss_mb'] for r in of):.0f} MB |")
    for kind in ('uas', 'relay'):
        if kind in medians and f'kamailio {kind}' in medians:
            print(f"\n{kind}: Kamailio needs {medians[f'kamailio {kind}'] / medians[kind]:.2f} × its CPU")


def ladder(cases, options, program):
    """Rates that grow until more than one of a thousand requests is lost; a rate that fails gets a second try."""
    clean = {}
    for case in cases:
        clean[case] = 0
        for rate in range(options.least, options.most + 1, options.step):
            for _ in range(2):
                result = run(case, rate, options.seconds, options, program)
                print(result, flush=True)
                if result['lost'] * 1000 <= result['ok'] and result['ok'] * 100 >= rate * options.seconds * 98:
                    clean[case] = rate
                    break
            if clean[case] < rate:
                break
    print('\n| box | one core is clean up to |\n|---|---|')
    for case, rate in clean.items():
        print(f'| {case} | {rate:,} / s |')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('cases', nargs='*', metavar='CASE', help=', '.join(CASES))
    parser.add_argument('--rate', type=int, default=20_000)
    parser.add_argument('--seconds', type=int, default=5)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--sipp', action='store_true', help='SIPp as generator instead of the example `load`')
    parser.add_argument('--burst', type=int, default=2000, help='microseconds whose requests are sent at once')
    parser.add_argument('--ladder', action='store_true')
    parser.add_argument('--step', type=int, default=10_000, help='of the ladder')
    parser.add_argument('--least', type=int, default=10_000, help='where the ladder begins')
    parser.add_argument('--most', type=int, default=200_000, help='where the ladder ends')
    parser.add_argument('--programs', help='folder with the release programs; built if it is not given')
    options = parser.parse_args()
    cases = options.cases or CASES
    if unknown := [case for case in cases if case not in CASES]:
        parser.error(f'unknown: {unknown[0]}')
    if not shutil.which('kamailio'):
        print('SKIPPED: Kamailio is not installed (package kamailio)')
        cases = [case for case in cases if 'kamailio' not in case]
    if options.sipp and not shutil.which('sipp'):
        sys.exit('SIPp is not installed (package sip-tester)')
    program = box.programs(options.programs)
    print(box.machine())
    if options.ladder:
        return ladder(cases, options, program)
    runs = {case: [] for case in cases}
    for _ in range(options.rounds):
        for case in cases:
            result = run(case, options.rate, options.seconds, options, program)
            runs[case].append(result)
            print(result, flush=True)
    table(runs)


if __name__ == '__main__':
    main()
