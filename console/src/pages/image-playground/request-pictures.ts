/** The pictures that a request sends, from those of the form. */
import limits from '../../../../contract/limits.json' with { type: 'json' };
import { extended, type Frame, isExtended, noFrame } from './frame.ts';
import { type InputImage, loaded } from './input-image.ts';
import { blank, type Painting } from './painting.ts';
import { type Action, actions, type Pictures } from './request.ts';

/** What a reload brings back beside the settings. */
export interface FormPictures {
  images: readonly InputImage[];
  painting: Painting;
  /** Of the painting; `data:`. */
  mask: { url: string; share: number } | undefined;
  frame: Frame;
}

export const noPictures: FormPictures = { images: [], painting: blank, mask: undefined, frame: noFrame };

/** Which of them an action takes; their addresses are `data:`. A mask that is still to be made is ''. */
export function chosenPictures(action: Action, { images, mask, frame }: FormPictures): Pictures<string> {
  const { images: takes } = actions[action];
  const urls = images.map(({ url }) => url);
  if (action === 'extend') return { images: urls.slice(0, 1), mask: isExtended(frame) ? '' : undefined };
  return { images: takes === 'several' ? urls : urls.slice(0, 1), mask: mask?.url };
}

/** The same, with the picture extended and its mask made where the action extends it. */
export async function requestPictures(action: Action, form: FormPictures): Promise<Pictures<string>> {
  const [image] = form.images;
  if (action !== 'extend' || image === undefined) return chosenPictures(action, form);
  const { whole, picture } = extended(image, form.frame, limits.inputImage.maximumSidePixels);
  const drawn = await loaded(image.url);
  const { x, y, width, height } = picture;
  return {
    images: [
      drawing(whole, 'image/jpeg', context => {
        // What is around it is drawn anew; its own colours, stretched, are the nearest to begin with.
        context.drawImage(drawn, 0, 0, whole.width, whole.height);
        context.drawImage(drawn, x, y, width, height);
      }),
    ],
    mask: drawing(whole, 'image/png', context => {
      context.fillStyle = '#fff';
      context.fillRect(0, 0, whole.width, whole.height);
      context.fillStyle = '#000';
      context.fillRect(x, y, width, height);
    }),
  };
}

function drawing(
  size: { width: number; height: number },
  type: string,
  draw: (context: CanvasRenderingContext2D) => void,
): string {
  const canvas = Object.assign(document.createElement('canvas'), { width: size.width, height: size.height });
  const context = canvas.getContext('2d');
  if (!context) throw new Error('This browser cannot draw.');
  draw(context);
  return canvas.toDataURL(type, 0.95);
}
