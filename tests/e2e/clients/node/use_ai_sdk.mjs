// The Vercel AI SDK with OpenRouter's provider, as its users call it; prints what came of each call, as JSON.
import { createOpenRouter } from "@openrouter/ai-sdk-provider";
import { Output, embed, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const TEXT = "the quick brown fox";
const Place = z.object({ city: z.string(), population: z.number() });

const openrouter = createOpenRouter({
  baseURL: process.env.OPENROUTER_API_BASE,
  apiKey: process.env.OPENROUTER_API_KEY,
});
const [echo, tools] = [openrouter.chat("simulator/echo"), openrouter.chat("simulator/tools")];
const seen = (text, usage) => ({ text, input: usage.inputTokens, output: usage.outputTokens });

const told = await generateText({ model: echo, prompt: TEXT, maxRetries: 0 });
const streamed = streamText({ model: echo, prompt: TEXT, maxRetries: 0 });
let pieces = "";
for await (const piece of streamed.textStream) pieces += piece;

const calls = [];
const weather = tool({
  description: "Tell the weather of a city.",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => {
    calls.push({ city });
    return `sunny in ${city}`;
  },
});
const forecast = await generateText({
  model: tools,
  prompt: '{"city": "Oslo"}',
  tools: { weather },
  stopWhen: stepCountIs(3),
  maxRetries: 0,
});
const bySchema = await generateText({
  model: echo,
  prompt: TEXT,
  output: Output.object({ schema: Place }),
  maxRetries: 0,
});

const streamedForecast = streamText({
  model: tools,
  prompt: '{"city": "Rome"}',
  tools: { weather },
  stopWhen: stepCountIs(3),
  maxRetries: 0,
});
const streamedThen = await streamedForecast.text;
const { embedding } = await embed({
  model: openrouter.textEmbeddingModel("simulator/embed"),
  value: TEXT,
  maxRetries: 0,
});

console.log(
  JSON.stringify({
    chat: seen(told.text, told.usage),
    stream: seen(pieces, await streamed.usage),
    tool: { name: "weather", arguments: calls[0], then: forecast.text },
    streamed_tool: { arguments: calls[1], then: streamedThen },
    by_schema: bySchema.output,
    dimensions: embedding.length,
    cost: told.providerMetadata.openrouter.usage.cost,
  }),
);
