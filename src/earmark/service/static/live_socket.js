// The live socket: what is sent first, and what comes back.

const FAR_BEHIND = 2_000_000; // bytes not yet sent; about twenty seconds

/** Tells each message of the service as an event of its type, and "lost" when the connection ends unasked. */
export class LiveSocket extends EventTarget {
  #socket;
  #left = false;

  constructor(options) {
    super();
    const address = new URL("/v1/live", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    this.#socket = new WebSocket(address);
    this.#socket.onopen = () => this.#socket.send(JSON.stringify({ format: "s16", ...options }));
    this.#socket.onmessage = ({ data }) => this.#said(JSON.parse(data));
    this.#socket.onclose = () => this.#left || this.#tell("lost", {});
  }

  send(pcm) {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    if (this.#socket.bufferedAmount > FAR_BEHIND) this.#socket.close(); // captions would come too late to be of use
    else this.#socket.send(pcm);
  }

  close() {
    this.#left = true;
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ type: "end" }));
    this.#socket.close();
  }

  #said(message) {
    if (message.type === "error") this.#left = true; // the service says why, and closes
    this.#tell(message.type, message);
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
