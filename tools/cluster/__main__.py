"""`python -m tools.cluster`: the test cluster, and what can befall it."""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO

from tools.cluster import binaries, cluster, components, control_plane, network, node, simulated
from tools.cluster.places import CONTROL_PLANE, MAX_NODES, STATE, Node, log_file, nodes
from tools.cluster.shell import ClusterError


def _add(one: Node) -> None:
    node.add(one)
    node.wait_ready(one)


LOCK = Path("/run/matinee-cluster.lock")
NODE_VERBS: dict[str, tuple[str, Callable[[Node], None]]] = {
    "add": ("add it, or switch a killed one on again, and wait until it is Ready", _add),
    "kill": ("cut its power: everything on it dies at once", node.kill),
    "remove": ("kill it and forget it", node.remove),
    "cut": ("pull its network cable", lambda one: network.cut(one.name)),
    "mend": ("plug its cable in again", lambda one: network.cut(one.name, False)),
    "stop-kubelet": (
        "freeze its kubelet",
        lambda one: components.pause(one.name, "kubelet"),
    ),
    "resume-kubelet": (
        "let its kubelet go on",
        lambda one: components.resume(one.name, "kubelet"),
    ),
    "cordon": ("take no new pods", lambda one: _kubectl("cordon", one.name)),
    "uncordon": ("take pods again", lambda one: _kubectl("uncordon", one.name)),
}
COUNTING_VERBS: dict[str, tuple[str, str, Callable[[Node, int], None]]] = {
    "slow": (
        "limit the rate of its network",
        "kilobits a second; 0: full speed again",
        lambda one, kilobits: network.slow_down(one.name, kilobits or None),
    ),
    "gpus": ("set its number of nvidia.com/gpu", "how many", node.set_gpus),
}
NEED_POWER = ("cut", "mend", "slow", "stop-kubelet", "resume-kubelet")
"""Verbs for nodes that are not killed."""


def main(words: Sequence[str]) -> int:
    arguments = _parser().parse_args(words)
    try:
        arguments.check()
        with nullcontext() if arguments.run in BESIDE_OTHERS else alone():
            arguments.run(arguments)
    except (ClusterError, ValueError, OSError) as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; `make cluster-down` removes what was started", file=sys.stderr)
        return 130
    return 0


@contextmanager
def alone() -> Iterator[None]:
    """One command at a time changes the cluster; the next one waits. Without a cluster there is no
    lock either."""
    with _locked():
        try:
            yield
        finally:
            if not STATE.exists():
                LOCK.unlink(missing_ok=True)


def _locked() -> IO[str]:
    """The file, once it is ours alone and still the one under that name."""
    while True:
        file = LOCK.open("w")
        fcntl.flock(file, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(LOCK.stat(), os.fstat(file.fileno())):
                return file
        file.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.cluster", description=__doc__)
    parser.set_defaults(check=cluster.require_root)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="build what is missing, start, load the images")
    up.add_argument(
        "--nodes",
        type=number(1, MAX_NODES),
        default=cluster.NODES,
        metavar="N",
        help="default %(default)s",
    )
    up.set_defaults(run=lambda args: _up(args.nodes), check=cluster.require_means)
    for name, run, check, text in (
        ("programs", _programs, _nothing, "only build its programs, and those that tests want"),
        ("prepare", _prepare, cluster.require_means, "only build what is missing"),
        ("down", _down, cluster.require_root, "remove everything but the cache of what was built"),
        ("status", _status, _nothing, "what runs, and where its logs are"),
        ("env", _env, _nothing, "print KUBECONFIG and PATH, for a shell's export"),
    ):
        commands.add_parser(name, help=text).set_defaults(run=run, check=check)
    _add_node_commands(commands.add_parser("node", help="what can befall a node"))
    _add_component_commands(commands.add_parser("component", help="parts of the control plane"))
    simulate = commands.add_parser("simulate", help="add simulated nodes (kwok)")
    simulate.add_argument("count", type=number(), help="0 removes them")
    simulate.set_defaults(run=lambda args: simulated.set_nodes(args.count, _say))
    return parser


def number(least: int = 0, most: int | None = None) -> Callable[[str], int]:
    """The type of an argument that is a whole number from `least` to `most`."""

    def parsed(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) < least or int(text) > limit:
            raise argparse.ArgumentTypeError(f"{text} is no whole number {wanted}")
        return int(text)

    limit = sys.maxsize if most is None else most
    wanted = f"from {least}" if most is None else f"from {least} to {most}"
    return parsed


def _add_node_commands(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for name, (text, act) in NODE_VERBS.items():
        verb = verbs.add_parser(name, help=text)
        verb.add_argument("node", help="for example node-2")
        verb.set_defaults(run=lambda args, name=name, act=act: act(_node(name, args.node)))
    for name, (text, meaning, count) in COUNTING_VERBS.items():
        verb = verbs.add_parser(name, help=text)
        verb.add_argument("node", help="for example node-2")
        verb.add_argument("count", type=number(), help=meaning)
        verb.set_defaults(
            run=lambda args, name=name, act=count: act(_node(name, args.node), args.count)
        )
    evict = verbs.add_parser("evict", help="evict a pod, as a drain does")
    evict.add_argument("namespace")
    evict.add_argument("pod")
    evict.set_defaults(run=lambda args: _evict(args.namespace, args.pod))


def _add_component_commands(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for name, text, act in (
        ("pause", "freeze it", components.pause),
        ("resume", "let it go on", components.resume),
        ("restart", "kill it and start it again", control_plane.restart),
        ("stop", "kill it", components.stop),
    ):
        verb = verbs.add_parser(name, help=text)
        verb.add_argument("component", choices=control_plane.COMPONENTS)
        verb.set_defaults(
            run=lambda args, name=name, act=act: act(
                CONTROL_PLANE, _component(name, args.component)
            )
        )


def _node(verb: str, name: str) -> Node:
    """The node that a verb is about.

    Raises:
        ClusterError: no cluster runs, there is no such node, or it is off and the verb needs it.
    """
    cluster.require_running()
    one, present = Node.named(name), nodes()
    if verb == "add":
        return one
    if one not in present:
        names = ", ".join(other.name for other in present)
        raise ClusterError(f"there is no node {name}; present: {names}")
    if verb in NEED_POWER and not network.namespace_file(name).exists():
        raise ClusterError(f"{name} is off; `node add {name}` switches it on")
    return one


def _component(verb: str, name: str) -> str:
    """The component that a verb is about.

    Raises:
        ClusterError: no cluster runs, it was never started, or it is dead and the verb needs it.
    """
    cluster.require_running()
    if name not in (present := components.components_of(CONTROL_PLANE)):
        raise ClusterError(f"{name} was not started; present: {', '.join(present)}")
    if verb != "restart" and not components.runs(CONTROL_PLANE, name):
        raise ClusterError(f"{name} does not run; `component restart {name}` starts it")
    return name


def _evict(namespace: str, pod: str) -> None:
    cluster.require_running()
    node.evict(namespace, pod)


def _nothing() -> None:
    """What a command that only reads asks of the machine."""


def _programs(_: argparse.Namespace) -> None:
    binaries.build(_say, binaries.ALL)


def _prepare(_: argparse.Namespace) -> None:
    cluster.prepare(_say)


def _up(count: int) -> None:
    cluster.up(_say, count)
    print(
        "\nThe cluster runs. Next:\n"
        '  export $(.venv/bin/python -m tools.cluster env | tr "\\n" " ")\n'
        "  kubectl get nodes,pods -A\n"
        "  helm install matinee charts/matinee -n matinee-system --create-namespace --wait\n"
        "  make e2e                # or: make cluster-down"
    )


def _down(_: argparse.Namespace) -> None:
    cluster.down()
    if remains := cluster.left():
        raise ClusterError(f"could not be removed: {', '.join(remains)}")
    _say("no cluster runs")


def _status(_: argparse.Namespace) -> None:
    """Raises:
    ClusterError: something that was started does not run.
    """
    if not STATE.exists():
        _say("no cluster runs; `make cluster` starts one")
        return
    cluster.require_running()
    ready = control_plane.ready_nodes()
    for owner in components.owners():
        state = "" if owner == CONTROL_PLANE else (" Ready" if owner in ready else " NotReady")
        print(f"{owner}{state}")
        for name in components.components_of(owner):
            runs = "runs" if components.runs(owner, name) else "ENDED"
            print(f"  {name:<24} {runs:<6} {log_file(owner, name)}")
    if dead := cluster.dead():
        raise ClusterError(f"ended: {', '.join(dead)}")


def _env(_: argparse.Namespace) -> None:
    """Raises:
    ClusterError: no cluster runs.
    """
    cluster.require_running()
    for name, value in cluster.environment().items():
        print(f"{name}={value}")


BESIDE_OTHERS = (_status, _env, _programs)
"""What changes no cluster."""


def _kubectl(*words: str) -> None:
    _say(control_plane.kubectl(*words).strip())


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
