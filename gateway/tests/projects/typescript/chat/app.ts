import { shout } from "./shout";

interface Event {
  body: string;
}

export const handler = async (event: Event): Promise<{ statusCode: number; body: string }> => {
  const { text } = JSON.parse(event.body) as { text: string };
  return { statusCode: 200, body: shout(text) };
};
