"""`python -m e2e.cluster`: the test cluster, and what can befall it."""

from __future__ import annotations

import argparse
import fcntl
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from e2e.cluster import cluster, components, control_plane, network, node, simulated
from e2e.cluster.places import CONTROL_PLANE, MAX_NODES, STATE, Node, log_file, nodes
from e2e.cluster.shell import ClusterError

LOCK = Path("/run/lock/matinee-cluster")
NODE_VERBS: dict[str, tuple[str, Callable[[Node], None]]] = {
    "add": ("add it, or switch a killed one on again, and wait until it is Ready", node.add),
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


def main(words: Sequence[str]) -> int:
    arguments = _parser().parse_args(words)
    try:
        with nullcontext() if arguments.run in READING else alone():
            arguments.run(arguments)
    except PermissionError as error:
        print(f"cluster: only root may do this: {error}", file=sys.stderr)
        return 1
    except (ClusterError, ValueError, OSError) as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; `make cluster-down` removes what was started", file=sys.stderr)
        return 130
    return 0


@contextmanager
def alone() -> Iterator[None]:
    """One command at a time changes the cluster; the next one waits."""
    with LOCK.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m e2e.cluster", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="build what is missing, start, load the images")
    up.add_argument(
        "--nodes",
        type=int,
        default=cluster.NODES,
        choices=range(1, MAX_NODES + 1),
        metavar="N",
        help="default %(default)s",
    )
    up.set_defaults(run=lambda args: _up(args.nodes))
    for name, run, text in (
        ("prepare", lambda _: cluster.prepare(_say), "only build what is missing"),
        ("down", lambda _: _down(), "remove everything but the cache of what was built"),
        ("status", _status, "what runs, and where its logs are"),
        ("env", _env, "print KUBECONFIG and PATH, for a shell's export"),
    ):
        commands.add_parser(name, help=text).set_defaults(run=run)
    _add_node_commands(commands.add_parser("node", help="what can befall a node"))
    _add_component_commands(commands.add_parser("component", help="parts of the control plane"))
    simulate = commands.add_parser("simulate", help="add simulated nodes (kwok)")
    simulate.add_argument("count", type=int, help="0 removes them")
    simulate.set_defaults(run=lambda args: simulated.set_nodes(args.count))
    return parser


def _add_node_commands(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for name, (text, act) in NODE_VERBS.items():
        verb = verbs.add_parser(name, help=text)
        verb.add_argument("node", help="for example node-2")
        verb.set_defaults(run=lambda args, name=name, act=act: _on_node(name, act, args.node))
    slow = verbs.add_parser("slow", help="limit the rate of its network")
    slow.add_argument("node")
    slow.add_argument("kilobits", type=int, help="a second; 0: full speed again")
    slow.set_defaults(run=lambda args: network.slow_down(_known(args.node), args.kilobits or None))
    gpus = verbs.add_parser("gpus", help="set its number of nvidia.com/gpu")
    gpus.add_argument("node")
    gpus.add_argument("count", type=int)
    gpus.set_defaults(run=lambda args: node.set_gpus(Node.named(_known(args.node)), args.count))
    evict = verbs.add_parser("evict", help="evict a pod, as a drain does")
    evict.add_argument("namespace")
    evict.add_argument("pod")
    evict.set_defaults(run=lambda args: node.evict(args.namespace, args.pod))


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
        verb.set_defaults(run=lambda args, act=act: act(CONTROL_PLANE, args.component))


def _on_node(verb: str, act: Callable[[Node], None], name: str) -> None:
    one = Node.named(name)
    if verb == "add":
        cluster.require_running()
        act(one)
        node.wait_ready(one)
    else:
        act(Node.named(_known(name)))


def _known(name: str) -> str:
    """Raises:
    ClusterError: there is no such node.
    """
    names = [one.name for one in nodes()]
    if name not in names:
        raise ClusterError(f"there is no node {name}; present: {', '.join(names) or 'none'}")
    return name


def _up(count: int) -> None:
    cluster.up(_say, count)
    print(
        "\nThe cluster runs. Next:\n"
        '  export $(.venv/bin/python -m e2e.cluster env | tr "\\n" " ")\n'
        "  kubectl get nodes,pods -A\n"
        "  make e2e                # or: make cluster-down"
    )


def _down() -> None:
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


READING = (_status, _env)


def _kubectl(*words: str) -> None:
    _say(control_plane.kubectl(*words).strip())


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
