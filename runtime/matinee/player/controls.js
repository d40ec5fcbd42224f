/** The buttons on the stage: sound and full screen. */

const byId = (id) => document.getElementById(id);

export class Controls {
  constructor(video) {
    this.video = video;
    this.canFill = Boolean(document.fullscreenEnabled || video.webkitSupportsFullscreen);
    byId("full").hidden = !this.canFill;
    byId("full").addEventListener("click", () => this.toggleFull());
    byId("sound").addEventListener("click", () => this.toggleSound());
    byId("volume").addEventListener("input", ({ target }) => {
      video.volume = target.valueAsNumber;
      video.muted = video.volume === 0;
    });
    video.addEventListener("volumechange", () => this.renderSound());
    document.addEventListener("fullscreenchange", () => {
      byId("full").setAttribute("aria-pressed", String(Boolean(document.fullscreenElement)));
    });
    this.renderSound();
  }

  /** A stream of this type is played: the sound's controls show when it has some. */
  expect(mime) {
    this.hasSound = mime.includes("mp4a");
    byId("sounds").hidden = !this.hasSound;
  }

  /** Browsers let a video play by itself only while it is muted, so it begins that way. */
  toggleSound() {
    if (!this.hasSound) return;
    const { video } = this;
    video.muted = !video.muted;
    if (!video.muted && video.volume === 0) video.volume = 1;
  }

  /** An iPhone fills its screen with videos only. */
  toggleFull() {
    if (!this.canFill) return;
    if (document.fullscreenElement) document.exitFullscreen();
    else if (document.fullscreenEnabled) byId("stage").requestFullscreen();
    else this.video.webkitEnterFullscreen();
  }

  renderSound() {
    const { muted, volume } = this.video;
    byId("sound").setAttribute("aria-pressed", String(!muted));
    byId("volume").value = muted ? 0 : volume;
  }
}
