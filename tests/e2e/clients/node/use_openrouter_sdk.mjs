// OpenRouter's own SDK for TypeScript, as its users call it; prints what came of each call, as JSON.
import { OpenRouter } from "@openrouter/sdk";

const TEXT = "the quick brown fox";
const openrouter = new OpenRouter({
  serverURL: process.env.OPENROUTER_API_BASE,
  apiKey: process.env.OPENROUTER_API_KEY,
});
const ask = (model, content, more = {}) =>
  openrouter.chat.send({ chatRequest: { model, messages: [{ role: "user", content }], ...more } });
const seen = (text, usage) => ({ text, input: usage.promptTokens, output: usage.completionTokens });

const told = await ask("simulator/echo", TEXT);
let pieces = "";
let usage;
for await (const chunk of await ask("simulator/echo", TEXT, { stream: true })) {
  pieces += chunk.choices[0]?.delta?.content ?? "";
  usage = chunk.usage ?? usage;
}

const question = { role: "user", content: '{"city": "Oslo"}' };
const tools = [
  {
    type: "function",
    function: {
      name: "weather",
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    },
  },
];
const asked = await ask("simulator/tools", question.content, { tools });
const [call] = asked.choices[0].message.toolCalls;
let streamedArguments = "";
for await (const chunk of await ask("simulator/tools", '{"city": "Rome"}', { tools, stream: true })) {
  streamedArguments += chunk.choices[0]?.delta?.toolCalls?.[0]?.function?.arguments ?? "";
}
const result = { role: "tool", toolCallId: call.id, content: "sunny in Oslo" };
const last = await ask("simulator/tools", "", {
  messages: [question, asked.choices[0].message, result],
  tools,
});
const schema = {
  type: "object",
  properties: { city: { type: "string" }, population: { type: "integer" } },
  required: ["city", "population"],
  additionalProperties: false,
};
const bySchema = await ask("simulator/echo", TEXT, {
  responseFormat: { type: "json_schema", jsonSchema: { name: "place", strict: true, schema } },
});
const { data } = await openrouter.embeddings.generate({
  requestBody: { model: "simulator/embed", input: TEXT },
});
const response = await openrouter.beta.responses.send({
  responsesRequest: { model: "simulator/echo", input: TEXT },
});

console.log(
  JSON.stringify({
    chat: seen(told.choices[0].message.content, told.usage),
    stream: seen(pieces, usage),
    tool: {
      name: call.function.name,
      arguments: JSON.parse(call.function.arguments),
      then: last.choices[0].message.content,
    },
    streamed_tool: JSON.parse(streamedArguments),
    response: response.output[0].content[0].text,
    dimensions: data[0].embedding.length,
    by_schema: JSON.parse(bySchema.choices[0].message.content),
    cost: told.usage.cost,
  }),
);
