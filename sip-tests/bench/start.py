#!/usr/bin/env python3
"""Start: how long from the start of the process until it says `ready`, which is when a service manager hears it and OPTIONS get 200.

    sip-tests/bench/start.py

A service server with an empty store, one with 100,000 visitors in its store, and a gateway with TLS (skipped without openssl), each
started and ended 20 times, with what is started last time still in the caches of the system. Ends with 1 if any start takes more than
300 ms. Standard library only."""
import argparse
import os
import shutil
import statistics
import subprocess
import time

import box
from box import HOST, PROJECT, Boxes

GOAL_MS = 300


def example(boxes, name, kind):
    """An example configuration on our address, in the folder of this run."""
    with open(os.path.join(PROJECT, 'docs', 'examples' if kind == 'tls' else 'loopback', kind, f'{name}.toml')) as file:
        text = file.read().replace('127.0.0.1', HOST)
    text = text.replace('../keys', os.path.join(PROJECT, 'docs', 'loopback', 'keys'))
    path = os.path.join(boxes.folder, f'{name}.toml')
    with open(path, 'w') as file:
        file.write(text)
    return path


def certificate(boxes, name, domain):
    folder = os.path.join(boxes.folder, 'certificates')
    os.makedirs(folder, exist_ok=True)
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-days', '2', '-subj', f'/CN={name}',
                    '-addext', f'subjectAltName=URI:sip:{domain}', '-keyout', f'{name}.key.pem', '-out', f'{name}.pem'],
                   cwd=folder, check=True, stderr=subprocess.DEVNULL)
    shutil.copy(os.path.join(folder, f'{name}.pem'), os.path.join(folder, 'roots.pem'))


def start(mcx, config):
    """Milliseconds until it was ready."""
    began = time.monotonic()
    node = subprocess.Popen([mcx, 'run', '--until-stdin-closes', '--config', config], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True)
    for line in node.stdout:
        if line.rstrip().endswith(' ready'):
            took = (time.monotonic() - began) * 1000
            break
    else:
        raise SystemExit(f'{config}: it ended before it was ready')
    node.stdin.close()
    node.wait()
    return took


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--times', type=int, default=20)
    parser.add_argument('--users', type=int, default=100_000)
    parser.add_argument('--programs', help='folder with the release programs; built if it is not given')
    options = parser.parse_args()
    program = box.programs(options.programs)
    mcx = program('mcx')
    print(box.machine())
    slow = False
    with Boxes() as boxes:
        nodes = {'server, empty store': example(boxes, 'a-server', 'direct')}
        filled = example(boxes, 'b-server', 'direct')
        subprocess.run([program('visitors'), os.path.join(boxes.folder, 'b-server.sqlite'), str(options.users)], check=True,
                       stdout=subprocess.DEVNULL)
        nodes[f'server, {options.users:,} visitors'] = filled
        if shutil.which('openssl'):
            certificate(boxes, 'a-gateway', 'a.mcx.example')
            nodes['gateway, TLS'] = example(boxes, 'a-gateway', 'tls')
        print('| | median | slowest |\n|---|---|---|')
        for name, config in nodes.items():
            took = [start(mcx, config) for _ in range(options.times)]
            slow = slow or max(took) > GOAL_MS
            print(f'| {name} | {statistics.median(took):.0f} ms | {max(took):.0f} ms |', flush=True)
    raise SystemExit(1 if slow else 0)


if __name__ == '__main__':
    main()
