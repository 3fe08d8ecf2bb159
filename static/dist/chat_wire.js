// What goes over the wire: tokens from the control plane, models and streamed answers from the gateway.
(() => {
  "use strict";

  const SPARE_SECONDS = 60;

  // What went wrong, as the page says it. `status` is 0 where nobody answered.
  class Refused extends Error {
    constructor(status, message, more = {}) {
      super(message);
      Object.assign(this, { status, metadata: {}, retryAfter: null }, more);
    }
  }

  class Wire {
    constructor(room, csrf) {
      this.room = room;
      this.csrf = csrf;
      this.tokens = new Map(); // by workspace
    }

    // What there is in a workspace to choose from; `isChosen` makes the room open with it from now on.
    async enter(workspace, { isChosen = false } = {}) {
      const form = new URLSearchParams({ workspace });
      if (isChosen) form.set("chosen", "yes");
      let answer;
      try {
        answer = await fetch(this.room.token, {
          method: "POST",
          body: form,
          headers: { "X-CSRFToken": this.csrf },
          redirect: "manual",
        });
      } catch {
        throw new Refused(0, "The server cannot be reached.");
      }
      if (answer.type === "opaqueredirect") throw new Refused(401, "You have been signed out.");
      if (answer.status === 404) throw new Refused(404, "You are not a member of this workspace any more.");
      if (!answer.ok) throw new Refused(answer.status, "The chat room did not open. Reload the page.");
      const offer = await answer.json();
      this.tokens.set(workspace, { text: offer.token, until: Date.now() + (offer.seconds - SPARE_SECONDS) * 1000 });
      return offer;
    }

    async token(workspace) {
      const known = this.tokens.get(workspace);
      return known && known.until > Date.now() ? known.text : (await this.enter(workspace)).token;
    }

    async ask(workspace, path, init = {}) {
      const first = await this.send(workspace, path, init);
      if (first.status !== 401) return first;
      this.tokens.delete(workspace); // it may have been too old, or signed with a key that is gone
      return this.send(workspace, path, init);
    }

    async send(workspace, path, init) {
      const headers = { ...init.headers, Authorization: `Bearer ${await this.token(workspace)}` };
      try {
        return await fetch(`${this.room.gateway}/api/v1${path}`, { ...init, headers, credentials: "omit" });
      } catch (error) {
        if (error.name === "AbortError") throw error;
        throw new Refused(0, "The gateway cannot be reached.");
      }
    }

    async models(workspace) {
      const answer = await this.ask(workspace, "/models/user");
      if (!answer.ok) throw await refusal(answer);
      const { data } = await answer.json();
      return data.filter((model) => model.architecture.output_modalities.includes("text"));
    }

    // The events of an answer, one after the other.
    async *stream(workspace, body, signal) {
      const answer = await this.ask(workspace, "/responses", {
        method: "POST",
        body: JSON.stringify({ ...body, stream: true }),
        headers: { "Content-Type": "application/json", "X-Title": "Headgate chat" },
        signal,
      });
      if (!answer.ok) throw await refusal(answer);
      yield* events(answer.body);
    }
  }

  async function refusal(answer) {
    let error = {};
    try {
      error = (await answer.json()).error ?? {};
    } catch {
      // a proxy's page says nothing that helps
    }
    const retryAfter = answer.headers.get("Retry-After");
    const message = error.message ?? `The gateway answered ${answer.status}.`;
    return new Refused(answer.status, message, { metadata: error.metadata ?? {}, retryAfter });
  }

  async function* events(stream) {
    const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        const parts = (rest + value).split("\n\n");
        rest = parts.pop();
        for (const part of parts) {
          const line = part.split("\n").find((one) => one.startsWith("data: "));
          if (line && line !== "data: [DONE]") yield JSON.parse(line.slice(6));
        }
      }
    } catch (error) {
      if (error.name === "AbortError" || error instanceof Refused) throw error;
      throw new Refused(0, "The connection broke before the answer was complete.");
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  window.headgateChat = { ...window.headgateChat, Wire, Refused };
})();
