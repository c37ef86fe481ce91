// A training run over server-sent events that can be stopped and goes on from its last checkpoint.

import { Problem, events } from "./api.js";

export class Run {
  /** Of `request`. `told` is called with the name and the data of each event. */
  constructor(request, told) {
    this.request = request;
    this.told = told;
  }

  /** Whether there is a state to go on from. */
  get canContinue() {
    return this.state !== undefined;
  }

  /** The request as it goes out: from the start, or from the last state. */
  get body() {
    return this.state ? { ...this.request, state: this.state } : this.request;
  }

  /** Runs to the end, a stop or a problem. The last one is thrown. */
  async go() {
    this.abort = new AbortController();
    try {
      for await (const { name, data } of events("v1/train", this.body, this.abort.signal)) {
        if (data.state) this.state = data.state;
        if (name === "problem") throw new Problem(data);
        this.told(name, data);
      }
    } catch (error) {
      // A run that diverged leaves its last good state in the problem.
      if (error.state) this.state = error.state;
      if (error.name !== "AbortError") throw error;
    } finally {
      this.abort = undefined;
    }
  }

  stop() {
    this.abort?.abort();
  }
}
