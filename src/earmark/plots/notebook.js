(() => {
  const root = document.getElementById("ID");
  const audio = root && root.querySelector("audio");
  if (!audio) return;
  const heads = root.querySelectorAll(".now");
  const follow = () => heads.forEach((head) => {
    head.style.display = "block";
    head.style.left = 100 * audio.currentTime / DURATION + "%";
  });
  audio.addEventListener("timeupdate", follow);
  audio.addEventListener("seeking", follow);
  root.querySelectorAll("button[data-at]").forEach((button) => button.addEventListener("click", () => {
    audio.currentTime = Number(button.dataset.at);
    audio.play();
  }));
})();
