// The echo server as an in-process package without an SDK, so that what is around it weighs.
import { createAnswers } from "./answers.mjs"

const answer = createAnswers()

export default () => {
  let transport
  return {
    async connect(given) {
      transport = given
      transport.onmessage = async (message) => {
        if (message.id !== undefined) await transport.send({ jsonrpc: "2.0", id: message.id, ...answer(message) })
      }
      await transport.start()
    },
    close: () => transport?.close(),
  }
}
