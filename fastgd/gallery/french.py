"""The course's pictures in French: words of the pictures and of the page, and captions by name.

What is not here stays as it is: formulas, names of rules, numbers.
"""

WORDS = {
    # The page.
    "Gradient descent in pictures": "La descente de gradient en images",
    "Each picture is drawn from runs of fastgd:": "Chaque image est tracée à partir de calculs "
    "réels de fastgd :",
    # Titles.
    "A network and one neuron": "Un réseau et un neurone",
    "Descent at three rates": "La descente à trois pas",
    "A loss that is not convex": "Une perte non convexe",
    "The step of a batch": "Le pas d'un lot",
    "What momentum does to a path": "L'effet de l'inertie sur le chemin",
    "Nesterov's look-ahead, and what it gains": "L'anticipation de Nesterov, et ce qu'elle gagne",
    "AdaGrad scales each coordinate": "AdaGrad met chaque coordonnée à l'échelle",
    "AdaGrad's rates shrink": "Les pas d'AdaGrad diminuent",
    "What AdaGrad and RMSProp remember": "Ce qu'AdaGrad et RMSProp retiennent",
    "Warm-up": "Échauffement",
    "Triangular schedules": "Programmes triangulaires",
    "Warm restarts": "Redémarrages à chaud",
    "The theorems beside runs": "Les théorèmes et les calculs",
    "The noise floor": "Le plancher de bruit",
    "The last iterate, and what a schedule does for it": "Le dernier itéré, et ce qu'un programme "
    "lui apporte",
    "Strong convexity: rates that are linear": "Convexité forte : des vitesses linéaires",
    # Labels.
    "inputs\n(3)": "entrées\n(3)",
    "input\n(1)": "entrée\n(1)",
    "hidden 1\n(4)": "cachée 1\n(4)",
    "hidden 2\n(4)": "cachée 2\n(4)",
    "hidden 1\n(2)": "cachée 1\n(2)",
    "output\n(1)": "sortie\n(1)",
    "thick: large weight, dashed: negative": "épais : poids grand, tirets : négatif",
    "bill\nlength": "longueur\ndu bec",
    "bill\ndepth": "hauteur\ndu bec",
    "flipper\nlength": "longueur\nd'aileron",
    "the first hidden neuron": "le premier neurone caché",
    "θ¹: weights 1, dashed: -1": "θ¹ : poids 1, tirets : -1",
    "s, along (1-s) θ¹ + s θ²": "s, le long de (1-s) θ¹ + s θ²",
    "loss": "perte",
    "weight of bill length": "poids de la longueur du bec",
    "weight of flipper length": "poids de la longueur d'aileron",
    "their mean: the step": "leur moyenne : le pas",
    "minimum": "minimum",
    "eight steps": "huit itérations",
    "thirty steps": "trente itérations",
    "look-ahead point": "point anticipé",
    "plain descent, η = 0.12": "descente simple, η = 0.12",
    "plain descent, η = 0.1": "descente simple, η = 0.1",
    "step": "itération",
    "steps T": "itérations T",
    "proportional to 1/√t": "proportionnel à 1/√t",
    "learning rate": "pas d'apprentissage",
    "then constant": "puis constant",
    "then inverse_time, k = 0.02": "puis inverse_time, k = 0.02",
    "then linear to 0": "puis linéaire jusqu'à 0",
    "then cosine to a tenth": "puis cosinus jusqu'au dixième",
    "shrink = 1": "shrink = 1",
    "shrink = 1/2 (triangular2)": "shrink = 1/2 (triangular2)",
    "shrink = 0.8": "shrink = 0.8",
    "period 100": "période 100",
    "period doubled, height times 0.8": "période doublée, hauteur fois 0.8",
    "theorem 1": "théorème 1",
    "theorem 2": "théorème 2",
    "theorem 3": "théorème 3",
    "theorem 4": "théorème 4",
    "theorem 5": "théorème 5",
    "theorem 6": "théorème 6",
    "theorem 7": "théorème 7",
    "theorem 8": "théorème 8",
    "theorem 9": "théorème 9",
    "theorem 10": "théorème 10",
    "theorem 11": "théorème 11",
    "constant": "constant",
    "cosine": "cosinus",
    "WSD": "WSD",
    "bound": "borne",
    "observed": "observé",
    "mean over seeds": "moyenne",
    "floor of the bound": "plancher de la borne",
}

CAPTIONS = {
    "network": "Un réseau entraîné à deux couches cachées (masse des manchots d'après trois "
    "longueurs), et l'un de ses neurones : il pondère ce qui entre, ajoute b et applique tanh.",
    "descent": "La descente de gradient sur x² depuis x = -2 : un petit pas rampe, un plus grand "
    "arrive, un pas proche de 2/β = 1 oscille d'un versant à l'autre.",
    "relu-network": "Deux neurones ReLU passent exactement par (-1, -1) et (1, 1) avec θ¹ et avec "
    "θ² = -θ¹, mais pas entre les deux : cette perte n'est pas convexe.",
    "batch": "Chaque observation d'un lot tire de son côté, contre le gradient de sa propre "
    "perte ; le pas suit la moyenne des cinq (masse des manchots d'après le bec et l'aileron).",
    "momentum": "Avec une observation à la fois, la descente simple titube ; avec l'inertie, elle "
    "suit une moyenne des gradients, et son chemin est lisse. L'étoile est le minimum.",
    "nesterov": "La méthode de Nesterov sur x² + y²/2 : elle continue jusqu'au point anticipé "
    "(cercle vide), et de là suit le gradient (à gauche). Avec le même pas, elle est en dessous de "
    "la descente simple dès la troisième itération ; elle dépasse le minimum, donc sa perte ne "
    "baisse pas à chaque itération (à droite).",
    "adagrad": "Dix itérations d'AdaGrad sur x² + 3y² depuis deux points de départ : il ne "
    "distingue pas les directions raides des plates ; la descente simple, si. L'étoile est le "
    "minimum.",
    "adagrad-steps": "AdaGrad divise le pas par la racine de la somme de tous les carrés des "
    "gradients : là où ceux-ci gardent leur taille, ce qui reste du pas décroît comme 1/√t. "
    "RMSProp divise par la racine d'une moyenne des derniers, et son pas garde aussi sa taille. "
    "Lignes : le deuxième de trois poids (masse des manchots d'après trois longueurs, une "
    "observation à la fois).",
    "second-moments": "La norme des carrés accumulés des gradients : celle d'AdaGrad croît sans "
    "fin, celle de RMSProp suit les derniers gradients (régression logistique, cancer du sein, "
    "lots de 16).",
    "warm-up": "Des programmes qui commencent par un échauffement de 50 itérations.",
    "triangular": "Des programmes triangulaires (Smith 2017) : de hauteur égale, divisée par deux "
    "à chaque cycle, et multipliée par un autre facteur.",
    "restarts": "Le cosinus à redémarrages (Loshchilov et Hutter 2016) : périodes égales, et "
    "périodes qui doublent pendant que la hauteur baisse.",
    "theorems": "Ce que les théorèmes promettent et ce qui arrive : 1, 2 et 5 aux moindres carrés "
    "(manchots) ; 3, 4 et 6 en moyenne sur 10 graines de régression logistique (cancer du sein).",
    "noise-floor": "Un pas constant s'arrête à un bruit que divise la taille n du lot : moyenne de "
    "‖∇L‖² sur 10 graines (lignes), et ηβσ²/n, la part de la borne du théorème 4 qu'aucun nombre "
    "d'itérations n'enlève (pointillés). C'est le plancher d'une borne, non des calculs, qui "
    "peuvent finir en dessous : dans cette cuvette, de même courbure partout, le bruit qui reste "
    "est ce plancher divisé par 2 - ηβ = 1,5.",
    "last-iterate": "Un pas constant, un cosinus et un plateau suivi d'une descente (WSD), de même "
    "hauteur : L(θ) - L* du dernier θ, en moyenne sur 10 graines de régression logistique (cancer "
    "du sein), à côté de la borne du théorème 7 avec E‖g‖² tel qu'observé. Les deux voient la "
    "même chose : la perte baisse là où le pas baisse, d'un coup dans le dernier cinquième de WSD, "
    "et un programme qui finit près de 0 finit plus bas.",
    "linear-rates": "Les théorèmes 8 (descente de gradient) et 9 (méthode de Nesterov avec sa "
    "meilleure inertie constante), 10 (SGD, jusqu'à son voisinage) et 11 (SAGA, sans voisinage) "
    "sur une régression logistique avec l2 = 0,1 (cancer du sein) ; 10 et 11 en moyenne sur 5 "
    "graines.",
}
