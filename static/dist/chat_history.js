// Conversations, kept in this browser alone (IndexedDB), each member's apart. Where a browser keeps nothing, as in
// some private windows, they last as long as the page.
(() => {
  "use strict";

  const STORE = "conversations";

  function asked(request) {
    return new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  }

  function open(name) {
    const opening = indexedDB.open(name, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "id" });
    return asked(opening);
  }

  class History {
    static async of(member) {
      const history = new History();
      try {
        history.database = await open(`headgate-chat-${member}`);
      } catch {
        history.database = null;
      }
      history.memory = new Map();
      return history;
    }

    get isLasting() {
      return this.database !== null;
    }

    store(mode) {
      return this.database.transaction(STORE, mode).objectStore(STORE);
    }

    async all() {
      const found = this.database ? await asked(this.store("readonly").getAll()) : [...this.memory.values()];
      return found.sort((one, other) => other.changedAt - one.changedAt);
    }

    async get(id) {
      return this.database ? asked(this.store("readonly").get(id)) : this.memory.get(id);
    }

    async put(conversation) {
      if (this.database) return asked(this.store("readwrite").put(conversation));
      this.memory.set(conversation.id, structuredClone(conversation));
    }

    async remove(id) {
      if (this.database) return asked(this.store("readwrite").delete(id));
      this.memory.delete(id);
    }

    async clear() {
      if (this.database) return asked(this.store("readwrite").clear());
      this.memory.clear();
    }
  }

  window.headgateChat = { ...window.headgateChat, History };
})();
