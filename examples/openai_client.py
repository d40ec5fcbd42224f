"""Order a video with OpenAI's client and wait for it: python examples/openai_client.py ball.mp4

Needs `pip install openai` and a running server, such as `make demo`.
"""

import argparse

import openai

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("file", help="where to write the video, an .mp4")
parser.add_argument("--prompt", default="a red ball moving left on a blue background")
parser.add_argument("--seconds", default="4")
parser.add_argument("--size", default="64x64")
parser.add_argument("--url", default="http://127.0.0.1:8000/v1")
args = parser.parse_args()

client = openai.OpenAI(base_url=args.url, api_key="a server without keys takes any")
video = client.videos.create_and_poll(prompt=args.prompt, seconds=args.seconds, size=args.size)
if video.error is not None:
    raise SystemExit(f"{video.id}: {video.error.message}")

client.videos.download_content(video.id, variant="video").write_to_file(args.file)
remix = client.videos.remix(video.id, prompt="the same, at night")
print(f"{video.id} is in {args.file}; its remix {remix.id} is {remix.status}")
